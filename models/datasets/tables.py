"""Reading a CSV, which is the shape of most sets and of most users' files. Whatever is wrong with one is one line.

1. A quote that is not closed, or that is closed in the middle of a cell, is refused: read on, it swallows rows.
2. So is a file that something else than commas parts, or in which a name stands twice: one of the two would be lost.
3. So is a row of more cells than columns, as a text with a comma and no quotes makes: its label would be a part of it.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from models.datasets.dataset import Example
from models.errors import DatasetError

Row = dict[str, str]
OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def text_of(path: Path, *, do: str) -> str:
    """What the file holds, as text; `do` is what to do where it cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}): {do}"
        raise DatasetError(msg) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"{path}, line {line}: byte {content[error.start]:#04x} is no UTF-8: save all of it as UTF-8"
        raise DatasetError(msg) from error


def columns(content: str, path: Path) -> list[str]:
    """The names in its first line; `DatasetError` where commas do not part them, or one stands twice."""
    first = content.partition("\n")[0]
    if "," not in first and (signs := [said for sign, said in OTHERS.items() if sign in first]):
        msg = f"{path} is parted by {signs[0]}, not by commas: save it as CSV with commas"
        raise DatasetError(msg)
    names = list(next(_lines(content, path), (0, []))[1])
    if twice := [name for name in names if name and names.count(name) > 1]:  # those of no name are nobody's
        msg = f"{path} has two columns {twice[0]!r}: rename one of them, or leave it out"
        raise DatasetError(msg)
    return names


def rows(content: str, path: Path) -> Iterator[tuple[int, Row]]:
    """Every row that holds anything, with the line that it ends in; a cell that it lacks is empty."""
    lines = _lines(content, path)
    _line, names = next(lines, (0, []))
    for line, cells in lines:
        if any(cells[len(names) :]):
            msg = f"{path}, line {line} has {len(cells)} cells for {len(names)} columns: put text with commas in quotes"
            raise DatasetError(msg)
        if any(cells):
            yield line, dict(zip_longest(names, cells[: len(names)], fillvalue=""))


def _lines(content: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    found = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        for cells in found:
            yield found.line_num, cells
    except csv.Error as error:
        msg = f"{path}, line {found.line_num}: {error}: save it as CSV again"
        raise DatasetError(msg) from error


def read(path: Path, wanted: Sequence[str]) -> list[Row]:
    """The rows of a set's CSV with these columns, each of them filled in; `DatasetError` where it is none."""
    content = text_of(path, do="fetch it again")
    has = columns(content, path)
    if not set(wanted) <= set(has):
        needed = " and ".join(map(repr, wanted))
        msg = f"{path} has the columns {', '.join(has[:8]) or 'none'}, not {needed}: is it the right file?"
        raise DatasetError(msg)
    found = []
    for line, row in rows(content, path):
        if empty := [name for name in wanted if not row[name].strip()]:
            msg = f"{path}, line {line}: {empty[0]!r} is empty: fetch it again"
            raise DatasetError(msg)
        found.append(row)
    return found


def read_labelled(path: Path, *, label: str = "label_name") -> tuple[Example, ...]:
    """The rows of a CSV with a `text` column, as examples; `DatasetError` when a column is missing."""
    return tuple(Example(row["text"], row[label]) for row in read(path, ("text", label)))
