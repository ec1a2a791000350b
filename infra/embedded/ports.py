"""Ports on the loopback interface."""

from __future__ import annotations

import socket

from infra.embedded.errors import StackError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def choose_port(wanted: int, what: str) -> int:
    """The wanted port if it is free, any free one for 0; raises `StackError` if it is taken."""
    return free_port() if wanted == 0 else require_free(wanted, what)


def require_free(port: int, what: str) -> int:
    """The port itself; raises `StackError` if something listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise StackError(f"port {port} for {what} is taken ({error.strerror}): choose another") from None
    return port
