"""What a set of labelled texts is, and where it is found."""

import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from models import places
from models.errors import DatasetError
from models.heads import Choice


class Example(msgspec.Struct, frozen=True):
    text: str
    label: str
    source: str = ""  # where in its set it comes from, if the set says so
    part: str = ""  # the sources that it is measured together with, if the set says so
    entity: str = ""  # whom or what it speaks of, if the set says so


def sample(rows: Sequence[Example], size: int | None) -> Sequence[Example]:
    """`size` rows spread evenly over all of them (sets are often sorted by label); all where None."""
    if size is None or size >= len(rows):
        return rows
    return [rows[number * len(rows) // size] for number in range(size)]


class Split(msgspec.Struct, frozen=True):
    """Rows to learn from and rows to be measured on; no text is in both."""

    train: tuple[Example, ...]
    test: tuple[Example, ...]
    validation: tuple[Example, ...] = ()  # to choose and to calibrate by; empty: a part of the rows to learn from


def itself(row: Example, _chance: random.Random) -> tuple[Example, ...]:
    """Training sees the row as it is."""
    return (row,)


class Dataset(msgspec.Struct, frozen=True):
    """One set: the head it teaches, its licence, its files under the data folder, and how they are read."""

    name: str
    head: str
    licence: str
    source: str
    files: tuple[str, ...]
    read: Callable[[Path], Split]
    repeat: int = 1  # how often its training rows are seen in an epoch
    once: bool = False  # an epoch sees its share of the rows alone: after all of them, each was seen once
    views: Callable[[Example, random.Random], tuple[Example, ...]] = itself  # what training makes of a row
    measured: bool = True  # whether it has rows that are held out
    choice: Choice | None = None  # what is told apart here, where it is not what the head's declaration says
    pinned: str | None = None  # the sha256 of what is read, where it does not lie in the data folder
    own: bool = False  # a user's: it is never passed over

    @property
    def validates(self) -> bool:
        """Whether its validation rows are looked at: what a user adds may be all that there is of a head."""
        return self.measured or self.own

    def load(self, data: Path) -> Split:
        """Read the set from the data folder; `DatasetError` when a file is missing."""
        for name in self.files:
            if not (data / name).is_file():
                msg = f"{data / name} is missing: point PULSEWIRE_SEED_DATA at the folder of the data sets"
                raise DatasetError(msg)
        return self.read(data)

    def sha256(self, data: Path) -> str:
        """One hash over the set's files, in their declared order."""
        return self.pinned or sha256([data / name for name in self.files])


def sha256(paths: Sequence[Path]) -> str:
    """One hash over all of the files."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def data_folder() -> Path:
    """The folder of the sets; `DatasetError` when there is none."""
    folder = places.seed_data()
    if not folder.is_dir():
        msg = f"the data folder {folder} is missing: set PULSEWIRE_SEED_DATA to the folder of the data sets"
        raise DatasetError(msg)
    return folder
