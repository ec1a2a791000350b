"""`pulsewire serve` as a process of its own: it starts without a store, and goes when it is told to."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from urllib.error import HTTPError

import pytest

from infra.embedded.ports import free_port

RUN = (sys.executable, "-c", "import typer; from streams.cli.serve import serve; typer.run(serve)")
AWAY = {**os.environ, "PULSEWIRE_CLICKHOUSE": "http://127.0.0.1:9", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def served() -> Iterator[tuple[subprocess.Popen[str], str]]:
    address = f"127.0.0.1:{free_port()}"
    with subprocess.Popen([*RUN, "--page", address], env=AWAY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert re.search(rf"http://{re.escape(address)}\b", process.stdout.readline())
            yield process, f"http://{address}"
        finally:
            process.kill()


def ask(url: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_it_answers_without_a_store_and_ends_when_told(served):
    process, url = served
    assert ask(f"{url}/healthz") == (200, {"alive": True})
    status, answer = ask(f"{url}/readyz")
    assert (status, answer["error"]) == (503, "store_away")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) in (0, -signal.SIGTERM)
    assert time.monotonic() - began < 10


def test_a_wrong_address_is_refused_with_its_name():
    from streams.errors import SettingsError
    from streams.settings import load_settings

    with pytest.raises(SettingsError, match=r"setting page .* is '8080': expected one host:port"):
        load_settings(page="8080")
