"""Sentiment of Chinese finance news (CFBenchmark). One fold of five is held out by text.

The texts are articles of 366 tokens in the mean, while most Chinese news comes as a headline. So training sees each
text thrice: as it is, without its end, and as its first sentences alone, which mostly tell what the rest is about.
"""

import random
import re
from pathlib import Path

from models.datasets.dataset import Dataset, Example, Split
from models.datasets.tables import read_labelled

FILES = ("sentiment_cfbenchmark_zh/news.csv",)
FOLDS = 5
SHORTEST = 16

_SENTENCES = re.compile(r"[^。；;！？]+[。；;！？]?")


def read(data: Path, *, fold: int = 0) -> Split:
    """The rows, one fold of the texts held out."""
    rows = sorted(set(read_labelled(data / FILES[0])), key=lambda row: (row.text, row.label))
    texts = sorted({row.text for row in rows})
    random.Random(0).shuffle(texts)  # noqa: S311 - a split, not a secret
    held_out = set(texts[fold::FOLDS])
    train = tuple(row for row in rows if row.text not in held_out)
    return Split(train, tuple(row for row in rows if row.text in held_out))


def views(row: Example, chance: random.Random) -> tuple[Example, ...]:
    """The text, its beginning of 60 to 160 characters, and its first sentences of 16 characters or more in all."""
    beginning = row.text[: chance.randint(60, 160)]
    return row, Example(beginning, row.label), Example(first_sentences(row.text), row.label)


def first_sentences(text: str) -> str:
    """As many whole sentences as are needed for `SHORTEST` characters."""
    taken = ""
    for sentence in _SENTENCES.findall(text):
        taken += sentence
        if len(taken) >= SHORTEST:
            break
    return taken.strip(" 。；;")


CFBENCHMARK = Dataset(
    name="cfbenchmark-zh",
    head="sentiment",
    licence="Apache-2.0",
    source="CFBenchmark, Lei et al.",
    files=FILES,
    read=read,
    views=views,
)
