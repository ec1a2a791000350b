"""Topic of English finance tweets (twitter-financial-news-topic), with its official split."""

from pathlib import Path

from models.datasets.dataset import Dataset, Split
from models.datasets.tables import read_labelled

FILES = ("topic_tfnt/train.csv", "topic_tfnt/validation.csv")


def read(data: Path) -> Split:
    train, test = (read_labelled(data / name) for name in FILES)
    return Split(train, test)


TFNT = Dataset(
    name="tfnt",
    head="category",
    licence="MIT",
    source="twitter-financial-news-topic",
    files=FILES,
    read=read,
)
