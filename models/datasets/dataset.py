"""What a set of labelled texts is, and where it is found."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from models import places
from models.errors import DatasetError


class Example(msgspec.Struct, frozen=True):
    text: str
    label: str


def sample(rows: Sequence[Example], size: int | None) -> Sequence[Example]:
    """`size` rows spread evenly over all of them (sets are often sorted by label); all where None."""
    if size is None or size >= len(rows):
        return rows
    return [rows[number * len(rows) // size] for number in range(size)]


class Split(msgspec.Struct, frozen=True):
    """Rows to learn from and rows to be measured on; no text is in both."""

    train: tuple[Example, ...]
    test: tuple[Example, ...]


class Dataset(msgspec.Struct, frozen=True):
    """One set: the head it teaches, its licence, its files under the data folder, and how they are read."""

    name: str
    head: str
    licence: str
    source: str
    files: tuple[str, ...]
    read: Callable[[Path], Split]
    repeat: int = 1  # how often its training rows are seen in an epoch

    def load(self, data: Path) -> Split:
        """Read the set from the data folder; `DatasetError` when a file is missing."""
        for name in self.files:
            if not (data / name).is_file():
                msg = f"{data / name} is missing: point PULSEWIRE_SEED_DATA at the folder of the data sets"
                raise DatasetError(msg)
        return self.read(data)

    def sha256(self, data: Path) -> str:
        """One hash over the set's files, in their declared order."""
        total = hashlib.sha256()
        for name in self.files:
            total.update((data / name).read_bytes())
        return total.hexdigest()


def data_folder() -> Path:
    """The folder of the sets; `DatasetError` when there is none."""
    folder = places.seed_data()
    if not folder.is_dir():
        msg = f"the data folder {folder} is missing: set PULSEWIRE_SEED_DATA to the folder of the data sets"
        raise DatasetError(msg)
    return folder
