"""Which of a set's training rows are learnt from, and which are kept to choose and to calibrate by.

1. A row that is held out of any set, or nearly one that is, is in neither part.
2. The validation rows are a twentieth of the texts, drawn by a hash of `duplicates.key`: texts that are the same but
   for their numbers are on one side, whatever else the set holds.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from models.datasets.dataset import Example
from models.datasets.duplicates import key, near

ONE_IN = 20


class Parts(msgspec.Struct, frozen=True):
    """The rows of a set's training side."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    left_out: int  # rows that stand, or nearly stand, among the held-out ones


def parted(rows: Sequence[Example], held_out: Sequence[str]) -> Parts:
    """The two parts of `rows`."""
    leaks = set(near([row.text for row in rows], held_out))
    kept = [row for number, row in enumerate(rows) if number not in leaks]
    train = tuple(row for row in kept if not is_validation(row.text))
    return Parts(train, tuple(row for row in kept if is_validation(row.text)), len(leaks))


def is_validation(text: str) -> bool:
    """Whether this text is kept for validation: a function of the text alone."""
    digest = hashlib.blake2b(key(text).encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest) % ONE_IN == 0
