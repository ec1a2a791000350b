"""A user's own labelled texts, as a head of their own or as rows of a head that is there."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

import msgspec

from models.datasets import labelled
from models.datasets.dataset import Dataset, Example, Split, sha256
from models.datasets.labelled import Fields, Labelled
from models.errors import DatasetError

FEWEST = 2  # rows of a label: with one, nothing is left to check by
FEW = 8
MOST_LABELS = 500
LICENCE = "the user's own"


class Own(msgspec.Struct, frozen=True):
    """The rows, and what a user should hear of them."""

    rows: tuple[Example, ...]
    labels: tuple[str, ...]  # by name
    remarks: tuple[str, ...] = ()


def read(path: Path, *, text: str = "text", label: str = "label") -> Own:
    """What a head can be taught by; `DatasetError` with one line that says what to do where the file is no such."""
    found = labelled.read(path, Fields(text, label))
    counts = Counter(row.label for row in found.rows)
    if len(counts) < 2:
        held = f"only the label {next(iter(counts))!r}" if counts else "no labelled text"
        msg = f"{path} holds {held}: a head needs two labels or more"
        raise DatasetError(msg)
    if len(counts) > MOST_LABELS:
        msg = f"{path} holds {len(counts):,} labels, more than {MOST_LABELS}: is {label!r} the column of the labels?"
        raise DatasetError(msg)
    lonely = sorted(name for name, count in counts.items() if count < FEWEST)
    if lonely:
        msg = f"{path}: label {lonely[0]!r} has one row: give it {FEWEST} or more, better {FEW}, or leave it out"
        raise DatasetError(msg)
    scarce = sum(count < FEW for count in counts.values())
    told = (f"{scarce} of {len(counts)} labels have less than {FEW} rows: expect little of them",) if scarce else ()
    return Own(found.rows, tuple(sorted(counts)), (*found.remarks, *told))


def to_learn(given: str, fields: Fields, labels: dict[str, tuple[str, ...]]) -> tuple[Dataset, Labelled]:
    """The set that `FILE:HEAD` names, to learn from, of a head with these labels; `DatasetError` where it fits none."""
    path, head = _parted(given)
    found = _rows(path, fields)
    if head not in labels:
        msg = f"{given}: there is no head {head!r} to add to, but {', '.join(labels)}: a new one is taught with --head"
        raise DatasetError(msg)
    require_labels(found.rows, labels[head], path=str(path), head=head)
    return _dataset(path, head, Split(found.rows, ())), found


def to_measure(given: str, fields: Fields) -> tuple[Dataset, Labelled]:
    """The set that `FILE:HEAD` names, to be measured on; `DatasetError` where it is none."""
    path, head = _parted(given)
    found = _rows(path, fields)
    return _dataset(path, head, Split((), found.rows)), found


def told_apart(sets: Sequence[Dataset]) -> list[Dataset]:
    """The sets, a number behind a name that another has: figures, plots and comparisons go by it."""
    made: dict[str, Dataset] = {}
    for one in sets:
        names = chain((one.name,), (f"{one.name}-{number}" for number in count(2)))
        name = next(name for name in names if name not in made)
        made[name] = msgspec.structs.replace(one, name=name)
    return list(made.values())


def require_labels(rows: tuple[Example, ...], labels: tuple[str, ...], *, path: str, head: str) -> None:
    """`DatasetError` where a row has a label that the head lacks."""
    if strange := sorted({row.label for row in rows} - set(labels)):
        shown = ", ".join(labels[:8]) + (", …" if len(labels) > 8 else "")
        msg = f"{path} has the label {strange[0]!r}, which {head} lacks ({shown}): correct it, or leave those rows out"
        raise DatasetError(msg)


def _parted(given: str) -> tuple[Path, str]:
    path, colon, head = given.rpartition(":")
    if not colon or not path or not head or "/" in head:
        msg = f"{given!r} is no FILE:HEAD, such as corrected.jsonl:sentiment"
        raise DatasetError(msg)
    return Path(path), head


def _rows(path: Path, fields: Fields) -> Labelled:
    found = labelled.read(path, fields)
    if not found.rows:
        msg = f"{path} holds no labelled text: label some first"
        raise DatasetError(msg)
    return found


def _dataset(path: Path, head: str, split: Split) -> Dataset:
    return Dataset(
        name="own-" + re.sub(r"\W+", "-", path.stem).strip("-"),
        head=head,
        licence=LICENCE,
        source=path.name,
        files=(),
        read=lambda _data: split,
        measured=bool(split.test),
        pinned=sha256([path]),
        own=True,
    )
