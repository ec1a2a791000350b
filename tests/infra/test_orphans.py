"""However a stack ends, SIGKILL included, no process is left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from infra.embedded.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack

SCRIPT = Path(__file__).with_name("runs_a_stack.py")
WITHIN_S = 6.0


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=SCRIPT.parents[2],
        env={"PYTHONPATH": str(SCRIPT.parents[2]), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
    ) as process:
        yield process
        process.kill()


def family_of(started: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Three leashes, three parts, and the grandchild, once all of them are there."""
    assert started.stdout
    assert set(json.loads(started.stdout.readline())) == {"kafka", "clickhouse", "stubborn"}
    deadline = time.monotonic() + 10
    while len(family := psutil.Process(started.pid).children(recursive=True)) < 7:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return family


async def test_a_killed_supervisor_leaves_nothing(started: subprocess.Popen[bytes], tmp_path: Path):
    family = family_of(started)
    assert "java" in {process.name() for process in family}
    started.send_signal(signal.SIGKILL)
    started.wait()
    said: list[str] = []
    folder = await Folder.own(tmp_path, say=said.append)  # waits for what is left, and then has it
    folder.close()
    assert said == [f"waiting for what is left of the last run in {tmp_path}"]
    _, alive = psutil.wait_procs(family, timeout=WITHIN_S)
    assert alive == []
