"""What the supervisor runs: a part is a value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

Probe = Callable[[], Awaitable[bool]]
"""Answers whether a part can be used; may be asked many times, and must not raise."""


class Restart(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait before a part that ended is started again: doubling, up to a limit."""

    first_s: float = 0.5
    limit_s: float = 30.0
    settled_s: float = 60.0  # who lived that long begins with the first wait again
    never_after: frozenset[int] = frozenset()  # exit codes of a part that would only do the same again

    def delay_s(self, failures: int) -> float:
        """The wait after so many endings in a row (1 for the first)."""
        return min(self.first_s * 2.0 ** min(failures - 1, 16), self.limit_s)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A process, and how to know that it can be used."""

    name: str
    argv: tuple[str, ...]
    ready: Probe
    env: dict[str, str] = {}  # over the environment of the supervisor
    folder: Path | None = None  # the working directory
    ready_within_s: float = 60.0
    grace_s: float = 15.0  # between SIGTERM and SIGKILL
    restart: Restart | None = Restart()  # None: it stays down
