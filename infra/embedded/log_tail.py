"""Why a part ended, from the last lines of its log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_BYTES = 8192
_KNOWN = (
    (re.compile(r"No space left on device|NOT_ENOUGH_SPACE|Errno 28"), "the disk is full"),
    (re.compile(r"Address already in use|Errno 98"), "its port is taken"),
    (re.compile(r"OutOfMemoryError|MemoryError|MEMORY_LIMIT_EXCEEDED"), "it ran out of memory"),
    (re.compile(r"Permission denied"), "a permission is missing"),
)
_TELLING = re.compile(r"error|exception|fatal|cannot|failed", re.IGNORECASE)
_FRAME = " ╭╮╰╯│─\r\n"  # typer and rich draw boxes around errors
_STACK_LINE = re.compile(r"^\s*(at |\d+\. |File |\.\.\. )")


def size_of(log: Path) -> int:
    """How long it is now; a run's own lines come after that."""
    try:
        return log.stat().st_size
    except OSError:
        return 0


def reason_in(log: Path, *, since: int = 0, guess: bool = True) -> str:
    """`: <why> (see <log>)`, as well as the lines of a run tell; without a guess only what is certain."""
    lines = [line.strip(_FRAME) for line in _tail(log, since).splitlines() if not _STACK_LINE.match(line)]
    lines = [line for line in lines if line]
    for pattern, words in _KNOWN:
        if any(pattern.search(line) for line in lines):
            return f": {words} (see {log})"
    telling = [line for line in lines if _TELLING.search(line)] or lines
    return f": {telling[-1][:200]} (see {log})" if guess and telling else f" (see {log})"


def _tail(log: Path, since: int) -> str:
    size = size_of(log)
    start = since if since <= size else 0  # it was rotated in between
    try:
        with log.open("rb") as file:
            file.seek(max(start, size - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
