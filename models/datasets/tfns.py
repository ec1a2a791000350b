"""Sentiment of English finance tweets (twitter-financial-news-sentiment), with its official split."""

from pathlib import Path

from models.datasets.dataset import Dataset, Split
from models.datasets.tables import read_labelled

FILES = ("sentiment_tfns/train.csv", "sentiment_tfns/validation.csv")


def read(data: Path) -> Split:
    train, test = (read_labelled(data / name) for name in FILES)
    return Split(train, test)


TFNS = Dataset(
    name="tfns",
    head="sentiment",
    licence="MIT",
    source="twitter-financial-news-sentiment",
    files=FILES,
    read=read,
)
