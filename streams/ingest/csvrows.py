"""CSV: records out of lines, columns by name, the delimiter by looking.

A record may span lines. It ends with the first line at which the strict reader is not inside of a quoted field.
"""

import csv
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Final

from streams.ingest.item import Item, Refusal
from streams.ingest.shape import Shaper

DELIMITERS: Final = (",", "\t", ";", "|")
RECORD_CHARS: Final = 131_072  # a quote that nobody closes must not swallow the file
UNFINISHED: Final = "unexpected end of data"


class Records:
    """Puts lines together into records, each with the number of its first line."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        self._open: list[tuple[int, str]] = []
        self._chars = 0

    def feed(self, number: int, line: str) -> Iterator[tuple[int, list[str] | Refusal]]:
        """The records that this line completes: none while one is open, blank ones left out."""
        waiting = deque([(number, line)])
        while waiting:
            self._open.append(waiting.popleft())
            self._chars += len(self._open[-1][1])
            if not self._is_open():
                yield from self._complete()
            elif self._chars > RECORD_CHARS:
                yield self._unclosed(waiting)

    def close(self) -> Iterator[tuple[int, list[str] | Refusal]]:
        """What is still open at the end of the file."""
        waiting: deque[tuple[int, str]] = deque()
        while self._open or waiting:
            if waiting:
                yield from self.feed(*waiting.popleft())
            else:
                yield self._unclosed(waiting)

    def _is_open(self) -> bool:
        if len(self._open) > 1 and '"' not in self._open[-1][1]:
            return True  # only a quote closes a quoted field
        text = self._text()
        if text.count('"') % 2 == 0:
            return False
        try:
            list(csv.reader([text], delimiter=self.delimiter, strict=True))
        except csv.Error as error:
            return UNFINISHED in str(error)
        return False

    def _complete(self) -> Iterator[tuple[int, list[str] | Refusal]]:
        number, text = self._open[0][0], self._text()
        self._reset()
        try:
            rows = list(csv.reader([text], delimiter=self.delimiter))
        except csv.Error as error:
            yield number, Refusal("bad_csv", str(error))
            return
        if rows and any(rows[0]):
            yield number, rows[0]

    def _unclosed(self, waiting: "deque[tuple[int, str]]") -> tuple[int, Refusal]:
        """Refuse the line that opened it; the lines after it are read again, each for itself."""
        (number, _), *others = self._open
        self._reset()
        waiting.extendleft(reversed(others))
        return number, Refusal("bad_csv", "a quoted field is not closed")

    def _reset(self) -> None:
        self._open.clear()
        self._chars = 0

    def _text(self) -> str:
        return "\n".join(text for _, text in self._open)


def sniff(lines: Sequence[str]) -> str:
    """The delimiter by which these lines agree on the most columns; a comma when nothing speaks for another."""

    def agreement(delimiter: str) -> tuple[float, int]:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
        except csv.Error:
            return 0.0, 0
        width, count = max(widths.items(), key=lambda pair: pair[1], default=(0, 0))
        return (count / widths.total() if width > 1 else 0.0), width

    return max(DELIMITERS, key=agreement)


def read_cells(
    cells: Sequence[str], *, header: Sequence[str], number: int, source: str, shaper: Shaper
) -> Item | Refusal:
    """The message of one record. Empty cells are absent fields. Never raises."""
    if len(cells) > len(header):
        detail = f"{len(cells)} cells under {len(header)} columns"
        return Refusal("bad_csv", detail, source, number)
    row = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell}
    return shaper.item(row, line=number, source=source)
