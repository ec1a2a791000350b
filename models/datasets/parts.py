"""Which of a set's training rows are learnt from, and which are kept to choose and to calibrate by.

1. A row that is held out of any set, or nearly one that is, is in neither part.
2. The validation rows are those that the set names, else a twentieth of the texts, drawn by a hash of `duplicates.key`:
   texts that are the same but for their numbers are on one side, whatever else the set holds.
3. What is nearly one of them is not learnt from. Else they would be easier than the held-out rows, and a head that is
   calibrated by them too sure.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from models.datasets.dataset import Example, Split
from models.datasets.duplicates import key, near

ONE_IN = 20


class Parts(msgspec.Struct, frozen=True):
    """The rows of a set's training side."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]


def parted(split: Split, held_out: Sequence[str]) -> Parts:
    """The two parts of what `split` has to learn from."""
    kept = _apart(split.train, held_out)
    if split.validation:
        train, validation = kept, _apart(split.validation, held_out)
    else:
        train = [row for row in kept if not is_validation(row.text)]
        validation = [row for row in kept if is_validation(row.text)]
    return Parts(tuple(_apart(train, [row.text for row in validation])), tuple(validation))


def _apart(rows: Sequence[Example], others: Sequence[str]) -> list[Example]:
    """The rows that are none of the others, nor nearly one."""
    leaks = set(near([row.text for row in rows], others))
    return [row for number, row in enumerate(rows) if number not in leaks]


def is_validation(text: str) -> bool:
    """Whether this text is kept for validation: a function of the text alone."""
    digest = hashlib.blake2b(key(text).encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest) % ONE_IN == 0
