"""Sentiment of Chinese finance news (CFBenchmark). One fold of five is held out, the rest is seen three times.

It is the only Chinese set and has 593 rows, so without the repetition an epoch would hardly hear of it.
"""

import random
from pathlib import Path

from models.datasets.dataset import Dataset, Split
from models.datasets.tables import read_labelled

FILES = ("sentiment_cfbenchmark_zh/news.csv",)
FOLDS = 5


def read(data: Path) -> Split:
    rows = sorted(set(read_labelled(data / FILES[0])), key=lambda row: (row.text, row.label))
    texts = sorted({row.text for row in rows})
    random.Random(0).shuffle(texts)  # noqa: S311 - a split, not a secret
    held_out = set(texts[::FOLDS])
    train = tuple(row for row in rows if row.text not in held_out)
    return Split(train, tuple(row for row in rows if row.text in held_out))


CFBENCHMARK = Dataset(
    name="cfbenchmark-zh",
    head="sentiment",
    licence="Apache-2.0",
    source="CFBenchmark, Lei et al.",
    files=FILES,
    read=read,
    repeat=3,
)
