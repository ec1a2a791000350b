"""English finance tweets with their official splits: their sentiment (tfns), and what they are about (tfnt)."""

from pathlib import Path

from models.datasets.dataset import Dataset, Split
from models.datasets.tables import read_labelled


def _dataset(name: str, head: str, source: str, folder: str) -> Dataset:
    files = (f"{folder}/train.csv", f"{folder}/validation.csv")

    def read(data: Path) -> Split:
        train, test = (read_labelled(data / file) for file in files)
        return Split(train, test)

    return Dataset(name=name, head=head, licence="MIT", source=source, files=files, read=read)


TFNS = _dataset("tfns", "sentiment", "twitter-financial-news-sentiment", "sentiment_tfns")
TFNT = _dataset("tfnt", "category", "twitter-financial-news-topic", "topic_tfnt")
