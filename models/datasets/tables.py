"""Reading a CSV of (text, label) rows, which is the shape of most sets."""

import csv
from pathlib import Path

from models.datasets.dataset import Example
from models.errors import DatasetError


def read_labelled(path: Path, *, label: str = "label_name") -> tuple[Example, ...]:
    """The rows of a CSV with a `text` column, as examples; `DatasetError` when a column is missing."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if not {"text", label} <= set(rows.fieldnames or ()):
            msg = f"{path} has the columns {rows.fieldnames}, not 'text' and {label!r}: is it the right file?"
            raise DatasetError(msg)
        return tuple(Example(row["text"], row[label]) for row in rows)
