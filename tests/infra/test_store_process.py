"""The store's process: ends in good order, and says in one line why it cannot run."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from infra.embedded.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[[int], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(port: int) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "infra.embedded.clickhouse", "--path", str(tmp_path / "c"), "--port", str(port)]
        started.append(subprocess.Popen(argv, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until_up(port: int) -> str:
    address = f"http://{LOOPBACK}:{port}"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/ping", trust_env=False).text == "Ok.\n":
                return address
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("it did not come up")


def test_a_request_that_runs_is_finished(launch: Callable[[int], subprocess.Popen[str]]):
    port = free_port()
    process = launch(port)
    address = until_up(port)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(httpx.post, address, content="SELECT sleep(1), 7", trust_env=False)
        time.sleep(0.4)
        process.send_signal(signal.SIGTERM)
        assert asked.result().text == "0\t7\n"
    assert process.wait(10) == 0


def test_a_store_has_one_owner(launch: Callable[[int], subprocess.Popen[str]]):
    port = free_port()
    launch(port)
    until_up(port)
    second = launch(free_port())
    _, said = second.communicate(timeout=10)
    assert second.returncode == 1
    assert said.endswith("is in use by another process\n")
    assert said.count("\n") == 1


def test_a_port_that_is_taken(launch: Callable[[int], subprocess.Popen[str]]):
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        process = launch(port)
        _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (1, f"port {port} is taken: Address already in use\n")


GIVEN_BACK = """
import sys
from pathlib import Path

import psutil

from infra.embedded.clickhouse.engine import Engine

engine = Engine(Path(sys.argv[1]))
with engine.connect() as connection:
    connection.query("SELECT max(length(s)) FROM (SELECT number % 1000003 AS x, groupArray(number) AS s FROM"
                     " numbers(3000000) GROUP BY x)")
held = psutil.Process().memory_info().rss
engine.give_back()
print((held - psutil.Process().memory_info().rss) // 2**20)
engine.close()
"""


def test_memory_that_is_free_is_given_back(tmp_path: Path):
    said = subprocess.run(
        [sys.executable, "-c", GIVEN_BACK, str(tmp_path / "c")], check=True, capture_output=True, text=True
    )
    assert int(said.stdout) >= 5  # MiB, of some 20
