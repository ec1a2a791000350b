"""Labelled texts out of a file: CSV, JSON lines, a list in JSON, or what Label Studio exports.

1. A file is told by what it holds: what begins with a bracket or a brace is JSON, unless its name ends in `.csv`.
2. What is wrong is one line that names the file, the line or task where there is one, and what to do.
3. Each text stands once; a text with two labels is refused; rows that were left out are told, and those that are to the
   model what others with another label are.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from models.datasets import label_studio, tables
from models.datasets.cells import unguarded
from models.datasets.dataset import Example
from models.errors import DatasetError
from models.text import prepare

Record = dict[str, Any]


class Labelled(msgspec.Struct, frozen=True):
    """The rows, and what a user should hear of them."""

    rows: tuple[Example, ...]
    remarks: tuple[str, ...] = ()


class Fields(msgspec.Struct, frozen=True):
    """Where a file has its texts and their labels."""

    text: str = "text"
    label: str = "label"


def read(path: Path, fields: Fields | None = None) -> Labelled:
    """The labelled texts of a file; `DatasetError` with one line that says what to do where it holds none."""
    fields = fields or Fields()
    content = _content(path)
    if path.suffix.lower() == ".csv" or content.lstrip()[:1] not in ("[", "{"):
        return _once(_of_csv(content, path, fields), path)
    records = _records(content, path)
    if not any(label_studio.is_task(one) for _, one in records):
        return _once([_row(one, f"{path}, {where}", fields) for where, one in records], path)
    tasks = [one for _, one in records]
    rows, remarks = label_studio.rows(tasks, path, text=fields.text, label=fields.label)
    return _once(rows, path, remarks)


def _content(path: Path) -> str:
    content = tables.text_of(path, do="name a file of labelled texts")
    if not content.strip():
        msg = f"{path} is empty: it needs labelled texts, such as a CSV with the columns text and label"
        raise DatasetError(msg)
    return content


def _of_csv(content: str, path: Path, fields: Fields) -> list[Example]:
    names = tables.columns(content, path)
    if not {fields.text, fields.label} <= set(names):
        raise DatasetError(_no_fields(f"{path} has the columns", names))
    found = ((line, {name: unguarded(cell) for name, cell in row.items()}) for line, row in tables.rows(content, path))
    return [_row(row, f"{path}, line {line}", fields) for line, row in found]


def _records(content: str, path: Path) -> list[tuple[str, Record]]:
    """Every object of a list, or of the lines, with where it stands."""
    if content.lstrip()[0] == "[":
        return [(f"task {number}", one) for number, one in enumerate(_decoded(content, list[Record], str(path)), 1)]
    lines = [(f"line {number}", line) for number, line in enumerate(content.split("\n"), 1) if line.strip()]
    return [(where, _decoded(line, Record, f"{path}, {where}")) for where, line in lines]


def _decoded(content: str, kind: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        wanted = "a list of objects" if kind is not Record else "an object a line"
        msg = f"{where} is no JSON of {wanted} ({error}): export it again, or save it as CSV"
        raise DatasetError(msg) from error


def _row(record: Record, where: str, fields: Fields) -> Example:
    if missing := [name for name in (fields.text, fields.label) if name not in record]:
        raise DatasetError(_no_fields(f"{where} lacks {missing[0]!r}; it has", list(record)))
    values = [_word(record[name], where, name) for name in (fields.text, fields.label)]
    return Example(*values)


def _word(value: Any, where: str, name: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # labels may be numbers
    if value is not None and not isinstance(value, str):
        msg = f"{where}: {name!r} holds no text: give each row one label"
        raise DatasetError(msg)
    if not (word := (value or "").strip()):
        msg = f"{where}: {name!r} is empty: fill it in, or leave the line out"
        raise DatasetError(msg)
    return word


def _no_fields(before: str, names: list[str]) -> str:
    return f"{before} {', '.join(names[:8]) or 'none'}: name yours with --text-column and --label-column"


def _once(rows: list[Example], path: Path, remarks: tuple[str, ...] = ()) -> Labelled:
    known: dict[str, Example] = {}
    for row in rows:
        if known.setdefault(row.text, row).label != row.label:
            other = known[row.text].label
            msg = f"{path}: {row.text[:60]!r} is labelled {other!r} and {row.label!r}: keep one of them"
            raise DatasetError(msg)
    repeats = len(rows) - len(known)
    told = (f"{repeats:,} rows repeat others and are left out",) if repeats else ()
    return Labelled(tuple(known.values()), (*remarks, *told, *_torn(known.values())))


def _torn(rows: Iterable[Example]) -> tuple[str, ...]:
    """What to say of texts that the model cannot tell apart, such as two links, and that have two labels."""
    first: dict[str, Example] = {}
    torn = [row for row in rows if first.setdefault(prepare(row.text), row).label != row.label]
    if not torn:
        return ()
    other = first[prepare(torn[0].text)]
    differ = f"{torn[0].text[:60]!r} ({torn[0].label}) and {other.text[:60]!r} ({other.label})"
    return (f"{len(torn):,} rows are the same to the model as others with another label, such as {differ}",)
