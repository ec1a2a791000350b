"""Intents of a bank's customers (banking77), with its official split."""

from pathlib import Path

from models.datasets.dataset import Dataset, Split
from models.datasets.tables import read_labelled

FILES = ("intent_banking77/train.csv", "intent_banking77/test.csv")


def read(data: Path) -> Split:
    train, test = (read_labelled(data / name, label="category") for name in FILES)
    return Split(train, test)


BANKING77 = Dataset(
    name="banking77",
    head="intent",
    licence="CC-BY-4.0",
    source="banking77, Casanueva et al. 2020",
    files=FILES,
    read=read,
    repeat=2,  # 77 labels from short texts: at two epochs it is still learning when the other sets are done
)
