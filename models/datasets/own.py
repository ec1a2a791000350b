"""A user's own labelled texts: a CSV with a column of texts and one of labels. What is wrong is told by line."""

import csv
import io
from collections import Counter
from pathlib import Path

import msgspec

from models.datasets.dataset import Example
from models.errors import DatasetError

FEWEST = 2  # rows of a label: with one, nothing is left to check by
FEW = 8
MOST_LABELS = 500


class Own(msgspec.Struct, frozen=True):
    """The rows, and what a user should hear of them."""

    rows: tuple[Example, ...]
    labels: tuple[str, ...]  # by name
    remarks: tuple[str, ...] = ()


def read(path: Path, *, text: str = "text", label: str = "label") -> Own:
    """The labelled texts of a CSV; `DatasetError` with one line that says what to do where it holds none."""
    rows, remarks = _without_repeats(_rows(path, text, label), path)
    counts = Counter(row.label for row in rows)
    if len(counts) < 2:
        found = f"only the label {next(iter(counts))!r}" if counts else "no labelled text"
        msg = f"{path} holds {found}: a head needs two labels or more"
        raise DatasetError(msg)
    if len(counts) > MOST_LABELS:
        msg = f"{path} holds {len(counts):,} labels, more than {MOST_LABELS}: is {label!r} the column of the labels?"
        raise DatasetError(msg)
    lonely = sorted(name for name, count in counts.items() if count < FEWEST)
    if lonely:
        msg = f"{path}: label {lonely[0]!r} has one row: give it {FEWEST} or more, better {FEW}, or leave it out"
        raise DatasetError(msg)
    scarce = sum(count < FEW for count in counts.values())
    if scarce:
        remarks.append(f"{scarce} of {len(counts)} labels have less than {FEW} rows: expect little of them")
    return Own(tuple(rows), tuple(sorted(counts)), tuple(remarks))


def _rows(path: Path, text: str, label: str) -> list[Example]:
    lines = csv.DictReader(io.StringIO(_content(path), newline=""))
    try:
        names = list(lines.fieldnames or ())
        if not {text, label} <= set(names):
            has = ", ".join(names[:8]) or "none"
            msg = f"{path} has the columns {has}: name yours with --text-column and --label-column"
            raise DatasetError(msg)
        return [_row(row, path, lines.line_num, text=text, label=label) for row in lines if any(row.values())]
    except csv.Error as error:
        msg = f"{path}, line {lines.line_num}: {error}: save it as CSV again"
        raise DatasetError(msg) from error


def _content(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}): name a CSV with --data"
        raise DatasetError(msg) from error
    if not content.strip():
        msg = f"{path} is empty: it needs a line of column names and labelled texts below"
        raise DatasetError(msg)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"{path}, line {line}: byte {content[error.start]:#04x} is no UTF-8: save all of it as UTF-8"
        raise DatasetError(msg) from error


def _row(row: dict[str, str], path: Path, line: int, *, text: str, label: str) -> Example:
    words, name = (row.get(text) or "").strip(), (row.get(label) or "").strip()
    if not words or not name:
        missing = text if not words else label
        msg = f"{path}, line {line}: {missing!r} is empty: fill it in, or leave the line out"
        raise DatasetError(msg)
    return Example(words, name)


def _without_repeats(rows: list[Example], path: Path) -> tuple[list[Example], list[str]]:
    """Each text once; `DatasetError` where one has two labels."""
    known: dict[str, str] = {}
    for row in rows:
        if known.setdefault(row.text, row.label) != row.label:
            other = known[row.text]
            msg = f"{path}: {row.text[:60]!r} is labelled {other!r} and {row.label!r}: keep one of them"
            raise DatasetError(msg)
    repeats = len(rows) - len(known)
    remarks = [f"{repeats:,} rows repeat others and are left out"] if repeats else []
    return [Example(words, name) for words, name in known.items()], remarks
