"""Texts without labels that a student is taught on: what its teacher says of them is all that is learnt.

1. They come from sets that may be learnt from: log statements beyond their level's cap, headlines whose entities
   disagree, Chinese reviews. Nothing that is there to be replayed or measured is among them.
2. None is a held-out row of any set, or nearly one, none is a validation row, and none stands twice.
3. Some training texts are strung together to the length of an article: most rows are headlines, posts and log lines,
   and a student that saw nothing longer would have to guess.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec

from models.datasets import log_severity, reviews, sentfin
from models.datasets.dataset import Dataset
from models.datasets.duplicates import key, near
from models.datasets.log_severity import LOG_SEVERITY
from models.datasets.parts import is_validation
from models.datasets.reviews import REVIEWS
from models.datasets.sentfin import SENTFIN
from models.manifest import DataRecord

STRINGS = 3_000
LONGEST = 300  # characters of a review
PIECES = (3, 8)  # texts strung together


class Unlabelled(msgspec.Struct, frozen=True):
    """The texts, not prepared, and the record of where they come from."""

    texts: tuple[str, ...]
    records: tuple[DataRecord, ...]


class Source(msgspec.Struct, frozen=True):
    """Texts that belong to a set, whatever they say, and how many of them are taken at most."""

    set: Dataset
    texts: tuple[str, ...]
    most: int


def sources(data: Path) -> list[Source]:
    """Where the texts come from; `DatasetError` when a file is missing."""
    return [
        Source(LOG_SEVERITY, tuple(log_severity.lines(data)), 14_000),
        Source(SENTFIN, tuple(sentfin.of_two_minds(data)), 2_000),
        Source(REVIEWS, tuple(text for text in reviews.texts() if len(text) <= LONGEST), 9_000),
    ]


def gather(found: Sequence[Source], data: Path, *, held_out: Sequence[str], learnt: Sequence[str]) -> Unlabelled:
    """What the sources have beside the texts that are `learnt` from already, drawn the same way every time."""
    known = {key(text) for text in learnt}
    texts: list[str] = []
    records = []
    for one in found:
        new = {name: text for text in one.texts if (name := key(text)) not in known and not is_validation(text)}
        known |= new.keys()
        drawn = list(new.values())
        random.Random(2).shuffle(drawn)  # noqa: S311 - an order, not a secret
        leaks = set(near(drawn[: one.most], held_out))
        kept = [text for number, text in enumerate(drawn[: one.most]) if number not in leaks]
        texts += kept
        about = one.set
        name = f"{about.name}, no labels"
        records.append(DataRecord(name, "", about.licence, about.source, len(kept), 0, about.sha256(data)))
    return Unlabelled((*texts, *_strung(learnt)), tuple(records))


def _strung(learnt: Sequence[str]) -> list[str]:
    """Neighbours in the order of their sets, so that a string is of one language and kind."""
    chance = random.Random(3)  # noqa: S311 - a sample, not a secret
    starts = [chance.randrange(len(learnt)) for _ in range(min(STRINGS, len(learnt) // 10))]
    return [" ".join(learnt[start : start + chance.randint(*PIECES)]) for start in starts]
