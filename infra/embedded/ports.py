"""Ports on the loopback interface."""

from __future__ import annotations

import random
import socket

from infra.embedded.errors import StackError

LOOPBACK = "127.0.0.1"
# Below the range from which systems give ports to outgoing connections (32768 on Linux, 49152 elsewhere): a client
# that connects between the choice of a port and its use, or while its owner is restarted, cannot sit on it.
_FIRST, _LAST = 20_000, 32_000
_TRIES = 200
_drawn: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on now, and that this process has not been given before.

    Raises:
        StackError: none was found.
    """
    for port in random.SystemRandom().sample(range(_FIRST, _LAST), _TRIES):
        if port not in _drawn and _refusal(port) is None:
            _drawn.add(port)
            return port
    raise StackError(f"found no free port between {_FIRST} and {_LAST}")


def choose_port(wanted: int, what: str) -> int:
    """The wanted port if it is free, any free one for 0; raises `StackError` if it is taken."""
    return free_port() if wanted == 0 else require_free(wanted, what)


def require_free(port: int, what: str) -> int:
    """The port itself; raises `StackError` if something listens on it."""
    if refusal := _refusal(port):
        raise StackError(f"port {port} for {what} is taken ({refusal}): choose another")
    return port


def _refusal(port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
