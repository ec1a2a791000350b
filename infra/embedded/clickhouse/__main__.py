"""`python -m infra.embedded.clickhouse --path FOLDER --port PORT`: own a store and serve it until SIGTERM."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from pathlib import Path

_GRACE_S = 15  # requests that run are finished


def main() -> int:
    """Exit code 0 after SIGTERM, 1 with one line that says why otherwise."""
    options = _options()
    os.environ["TZ"] = "UTC"  # before the engine is loaded: it asks once
    time.tzset()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", options.port))
        _serve(options.path.resolve(), listener)
    except OSError as error:
        return _fail(f"port {options.port} or folder {options.path}: {error.strerror}")
    except RuntimeError as error:
        return _fail(f"the store in {options.path} cannot be opened: {str(error).splitlines()[0]}")
    return 0


def _serve(path: Path, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415  # after the checks, which are quick

    from infra.embedded.clickhouse.app import Front  # noqa: PLC0415
    from infra.embedded.clickhouse.engine import Engine  # noqa: PLC0415
    from infra.embedded.clickhouse.users import Users  # noqa: PLC0415

    users = Users(
        writer_password=os.environ.get("PULSEWIRE_CLICKHOUSE_PASSWORD", ""),
        reader_password=os.environ.get("PULSEWIRE_CLICKHOUSE_READER_PASSWORD", ""),
    )
    engine = Engine(path)
    config = uvicorn.Config(
        Front(engine, users).app(),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=75,  # longer than clients keep a connection, or they meet a closed one
    )
    uvicorn.Server(config).run(sockets=[listener])
    engine.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="infra.embedded.clickhouse")
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    return parser.parse_args()


def _fail(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
