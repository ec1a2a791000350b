"""A store that answers and refuses: a command says what to do about that, and not to start it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from streams.doctor.store import examine
from streams.settings import load_settings
from tests.cli.ends import failed_with

if TYPE_CHECKING:
    from collections.abc import Iterator

WRONG = (516, "reader: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)")
EMPTY = (81, "Database pulsewire does not exist. (UNKNOWN_DATABASE)")
BUSY = (202, "Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)")
ADVICE = {WRONG: "PULSEWIRE_CLICKHOUSE_READER_PASSWORD", EMPTY: "`pulsewire init`", BUSY: "its log"}


@contextmanager
def a_store_that_refuses(code: int, text: str) -> Iterator[str]:
    """The address of something that answers every request with this error, as ClickHouse words it."""

    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = f"Code: {code}. DB::Exception: {text} (version 25.8.1.1)\n".encode()
            self.send_response(403)
            self.send_header("X-ClickHouse-Exception-Code", str(code))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Keep the tests' output to the tests."""

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("refusal", ADVICE, ids=lambda refusal: str(refusal[0]))
def test_a_command_says_what_to_do(refusal: tuple[int, str]) -> None:
    with a_store_that_refuses(*refusal) as address:
        env = os.environ | {"PULSEWIRE_CLICKHOUSE": address}
        run = [sys.executable, "-m", "streams", "query", "SELECT 1"]
        done = subprocess.run(run, env=env, capture_output=True, timeout=60, check=False)
    failed_with(done, refusal[1], ADVICE[refusal])
    assert b"start it" not in done.stderr


@pytest.mark.parametrize("refusal", ADVICE, ids=lambda refusal: str(refusal[0]))
async def test_so_does_doctor(refusal: tuple[int, str]) -> None:
    with a_store_that_refuses(*refusal) as address:
        (found,) = await examine(load_settings(clickhouse=address))
    assert (found.status, ADVICE[refusal] in found.advice) == ("fail", True)
