"""Lines out of chunks of bytes, none longer than a message may be."""

from collections.abc import Iterator
from typing import Final

from streams.topology import MAX_MESSAGE_BYTES

LINE_BYTES: Final = MAX_MESSAGE_BYTES - 65_536  # room for what Kafka puts around a message


class LineSplitter:
    """Cuts chunks at line feeds. A line that is too long is given as None."""

    def __init__(self, limit_bytes: int = LINE_BYTES) -> None:
        self.number = 0
        self._limit = limit_bytes
        self._rest = bytearray()
        self._too_long = False

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes | None]]:
        """The lines that this chunk completes, numbered from 1, without their line ends."""
        *complete, rest = chunk.split(b"\n")
        for piece in complete:
            self._take(piece)
            yield self._finish()
        self._take(rest)

    def close(self) -> Iterator[tuple[int, bytes | None]]:
        """A last line that no line feed ends."""
        if self._rest or self._too_long:
            yield self._finish()

    def _take(self, piece: bytes) -> None:
        if len(self._rest) + len(piece) > self._limit:
            self._too_long = True
            self._rest.clear()
        elif not self._too_long:
            self._rest += piece

    def _finish(self) -> tuple[int, bytes | None]:
        self.number += 1
        line = None if self._too_long else bytes(self._rest).removesuffix(b"\r")
        self._too_long = False
        self._rest.clear()
        return self.number, line
