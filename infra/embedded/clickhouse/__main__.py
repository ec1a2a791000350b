"""`python -m infra.embedded.clickhouse --path FOLDER --port PORT`: own a store and serve it until SIGTERM."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from infra.embedded.clickhouse.engine import Engine

_GRACE_S = 15  # requests that run are finished
_TIDY_EVERY_S = 60
_URL_LIMIT_BYTES = 1_048_576  # as the server's http_max_uri_size


def main() -> int:
    """Exit code 0 after SIGTERM, 1 with one line that says why otherwise."""
    options = _options()
    os.environ["TZ"] = "UTC"  # before the engine is loaded: it asks once
    time.tzset()
    # uvicorn raises the signal again once it has ended in good order: the store is still to be closed then
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with _listen(options.port) as listener, _own(options.path):
            _serve(options.path.resolve(), listener)
    except _RefusedError as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    return 0


class _RefusedError(Exception):
    """It cannot run; the text is one line."""


def _listen(port: int) -> socket.socket:
    # the protocol is named, or asyncio would not switch Nagle's algorithm off: 40 ms for each small answer
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise _RefusedError(f"port {port} is taken: {error.strerror}") from error
    return listener


def _own(path: Path) -> TextIO:
    """Hold the folder's lock; the engine has one too, but does not say so in a way that a person could read."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _RefusedError(f"the store in {path} is in use by another process") from None
    except OSError as error:
        raise _RefusedError(f"cannot use {path} for the store: {error.strerror}") from error
    return lock


def _serve(path: Path, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415  # after the checks, which are quick

    from infra.embedded.clickhouse.app import Front  # noqa: PLC0415
    from infra.embedded.clickhouse.engine import Engine  # noqa: PLC0415
    from infra.embedded.clickhouse.users import Users  # noqa: PLC0415

    users = Users(
        writer_password=os.environ.get("PULSEWIRE_CLICKHOUSE_PASSWORD", ""),
        reader_password=os.environ.get("PULSEWIRE_CLICKHOUSE_READER_PASSWORD", ""),
    )
    try:
        engine = Engine(path)
    except RuntimeError as error:
        raise _RefusedError(f"the store in {path} cannot be opened: {str(error).splitlines()[0]}") from error
    config = uvicorn.Config(
        Front(engine, users).app(),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=_URL_LIMIT_BYTES,
        timeout_keep_alive=75,  # longer than clients keep a connection, or they meet a closed one
    )
    ended = threading.Event()
    tidying = threading.Thread(target=_tidy, args=(engine, ended))
    tidying.start()
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        ended.set()
        tidying.join()
    engine.close()


def _tidy(engine: Engine, ended: threading.Event) -> None:
    while not ended.wait(_TIDY_EVERY_S):
        with suppress(Exception):  # nothing hangs on it, and a store without memory may refuse
            engine.give_back()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="infra.embedded.clickhouse")
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
