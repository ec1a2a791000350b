"""Lines of a file, a pipe or a terminal, as they come.

1. Whatever can be read now is handed over at once: a live pipe is answered line by line, a file in large pieces.
2. Memory is bounded: a line longer than `MAX_LINE_BYTES` comes as None, and the next line is read as usual.
"""

import os
from collections.abc import Iterator
from typing import Final

from streams.topology import MAX_MESSAGE_BYTES

MAX_LINE_BYTES: Final = MAX_MESSAGE_BYTES
READ_BYTES: Final = 65_536


def readable_lines(fd: int) -> Iterator[list[bytes | None]]:
    """The lines that are complete so far, without their ends, whenever there are some; the last may lack its end."""
    kept: list[bytes] = []  # pieces of a line whose end has not come yet
    kept_bytes, too_long = 0, False
    while data := os.read(fd, READ_BYTES):
        *complete, rest = data.split(b"\n")
        lines: list[bytes | None] = []
        for piece in complete:
            over = too_long or kept_bytes + len(piece) > MAX_LINE_BYTES
            lines.append(None if over else b"".join([*kept, piece]).removesuffix(b"\r"))
            kept, kept_bytes, too_long = [], 0, False
        if rest and not too_long:
            kept.append(rest)
            kept_bytes += len(rest)
            if kept_bytes > MAX_LINE_BYTES:
                kept, too_long = [], True
        if lines:
            yield lines
    if kept or too_long:
        yield [None if too_long else b"".join(kept)]
