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


def reason_in(log: Path) -> str:
    """`: <why> (see <log>)`, as well as the log tells."""
    lines = [line.strip(_FRAME) for line in _tail(log).splitlines() if not _STACK_LINE.match(line)]
    lines = [line for line in lines if line]
    for pattern, words in _KNOWN:
        if any(pattern.search(line) for line in lines):
            return f": {words} (see {log})"
    telling = [line for line in lines if _TELLING.search(line)] or lines
    return f": {telling[-1][:200]} (see {log})" if telling else f" (see {log})"


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
