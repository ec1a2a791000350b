"""English finance tweets with their official splits: their sentiment (tfns), and what they are about (tfnt).

The splits leak: of tfnt's held-out rows one in six is a training row but for its link or a number. A model that learns
from all training rows is asked what it has seen. Ours does not, and the two parts of the held-out rows are told apart.
"""

from pathlib import Path

import msgspec

from models.datasets.dataset import Dataset, Example, Split
from models.datasets.duplicates import key
from models.datasets.tables import read_labelled


def _dataset(name: str, head: str, source: str, folder: str) -> Dataset:
    files = (f"{folder}/train.csv", f"{folder}/validation.csv")

    def read(data: Path) -> Split:
        train, test = (read_labelled(data / file) for file in files)
        known = {key(row.text) for row in train}
        return Split(train, tuple(_told_apart(row, known) for row in test))

    return Dataset(name=name, head=head, licence="MIT", source=source, files=files, read=read)


def _told_apart(row: Example, known: set[str]) -> Example:
    return msgspec.structs.replace(row, part="in its training split, too" if key(row.text) in known else "new")


TFNS = _dataset("tfns", "sentiment", "twitter-financial-news-sentiment", "sentiment_tfns")
TFNT = _dataset("tfnt", "category", "twitter-financial-news-topic", "topic_tfnt")
