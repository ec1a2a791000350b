"""What export makes of validation rows, with a classifier that is right more often than it says."""

from pathlib import Path

import msgspec

from export import calibrate
from models.datasets.dataset import Dataset, Example, Split
from models.fake import FakeClassifier
from models.heads import declared
from models.reading import Reading

FIRST = ("ash", "elm", "fir", "oak", "pine", "yew", "box")
SECOND = ("bob", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "kite", "lark")
THIRD = ("in", "on", "up", "by", "at", "to", "of", "as", "or", "if", "so", "no", "we", "he", "us", "an")
ROWS = tuple(Example(f"{one} {two} {three}", "neutral") for one in FIRST for two in SECOND for three in THIRD)


class Modest:
    """Always right, and never surer than .7; sometimes than .5."""

    def __init__(self) -> None:
        self.manifest = FakeClassifier().manifest

    def classify(self, texts: list[str]) -> list[Reading]:
        shares = ((0.2, 0.7, 0.1), (0.3, 0.5, 0.2))
        return [Reading({"sentiment": shares[len(text) % 2]}, 5) for text in texts]


def some(rows: tuple[Example, ...]) -> tuple[Dataset, ...]:
    return (Dataset("made-up", "sentiment", "none", "here", (), lambda _data: Split(rows, ())),)


def test_a_modest_head_is_cooled_but_not_where_its_rows_were_learnt_from() -> None:
    heats, sures = calibrate.found(Modest(), some(ROWS), Path())
    seen, careful = calibrate.found(Modest(), some(ROWS), Path(), seen=["sentiment"])
    assert heats["sentiment"] < 0.2
    assert seen["sentiment"] == 1.0
    assert 0 < sures["sentiment"] <= 1
    assert careful["sentiment"] == declared()["sentiment"].choice.sure


def test_few_rows_say_nothing() -> None:
    assert calibrate.found(Modest(), some(ROWS[:40]), Path()) == ({}, {})


def test_a_head_that_the_bundle_lacks_is_left_out() -> None:
    one = Modest()
    one.manifest = msgspec.structs.replace(one.manifest, labels={"severity": ("info",)})
    assert calibrate.found(one, some(ROWS), Path()) == ({}, {})
