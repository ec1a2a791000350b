"""`pulsewire serve`: the page and the read API."""

import socket
from typing import Annotated, Final

import typer

from streams.errors import PulsewireError

_LOG_LEVELS: Final = {"debug": "debug", "info": "info", "warn": "warning", "error": "error"}


def serve(
    page: Annotated[str | None, typer.Option(help="Address to listen on.", metavar="HOST:PORT")] = None,
) -> None:
    """Dashboard and read API on whatever the settings name."""
    import uvicorn

    from streams.serve.app import build
    from streams.settings import load_settings

    settings = load_settings(page=page)
    with listening(settings.page) as listener:
        typer.echo(f"Pulsewire's page is at http://{settings.page}, reading {settings.clickhouse}. Ctrl-C ends it.")
        config = uvicorn.Config(
            build(settings),
            log_level=_LOG_LEVELS[settings.log_level],
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        uvicorn.Server(config).run(sockets=[listener])


def listening(address: str) -> socket.socket:
    """A socket that listens on HOST:PORT.

    Raises:
        PulsewireError: the address is taken, or none of ours.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
        listener.listen(128)  # from here on who connects waits, even if the page is still being built
    except OSError as error:
        listener.close()
        why = error.strerror or str(error)
        raise PulsewireError(f"cannot listen on {address}: {why.lower()}; choose another with --page") from None
    return listener
