"""Near duplicates are found, and none of them is on two sides of a split; on the real sets where they are at hand."""

import os
import random
from itertools import product
from pathlib import Path

import pytest

from models.datasets.catalogue import CATALOGUE
from models.datasets.dataset import Example, Split
from models.datasets.duplicates import groups, key, near
from models.datasets.parts import is_validation, parted
from models.errors import WeightsError

REAL = Path(os.environ.get("PULSEWIRE_SEED_DATA") or Path(__file__).parents[3] / "shared" / "data")
DOCS = Path(__file__).parents[2] / "docs" / "models"
SAMPLE = Path(__file__).parents[2] / "infra" / "sample" / "phrases"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme up 3% https://t.co/a1", "ACME up 4%  https://t.co/zz"),
        ("公司净利润增长30%。", "公司净利润增长12%"),
        ("Acme beats the forecasts of its own analysts today", "Acme beats the forecasts of its own analysts, today!"),
        (
            "the board of the bank said on monday that it will pay a dividend of two euros a share in may",
            "the board of the bank said on monday that it will pay a dividend of two euros a share in june",
        ),
    ],
)
def test_texts_that_say_the_same_are_near(one: str, other: str) -> None:
    assert near([one, "something else entirely"], [other]) == [0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme shares jump on record profit", "Acme shares plunge on record loss"),
        ("公司三季度净利润同比增长三成", "公司三季度净利润同比减少三成"),
        ("up", "down"),
        ("", "a"),
    ],
)
def test_texts_that_say_something_else_are_not(one: str, other: str) -> None:
    assert near([one], [other]) == []


def test_validation_is_drawn_by_the_text_alone() -> None:
    texts = [f"a headline about company {chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(500)]
    share = sum(map(is_validation, texts)) / len(texts)
    assert 0.02 < share < 0.1
    assert all(is_validation(text) == is_validation(f"{text.upper()} https://t.co/x!") for text in texts)


def test_what_is_held_out_is_in_no_part() -> None:
    rows = [Example(f"headline {chr(97 + n)} speaks of its own things", "neutral") for n in range(26)]
    parts = parted(Split(tuple(rows), ()), [rows[3].text.upper()])
    assert rows[3] not in (*parts.train, *parts.validation)
    assert len(parts.train) + len(parts.validation) == 25


def test_a_set_may_name_its_validation_rows_and_what_is_nearly_one_is_not_learnt() -> None:
    rows = tuple(Example(f"statement {chr(97 + n)} of a program about its own things", "info") for n in range(26))
    named = Example(rows[5].text.upper(), "info", "another project")
    parts = parted(Split(rows, (), (named,)), [])
    assert parts.validation == (named,)
    assert parts.train == (*rows[:5], *rows[6:])


@pytest.mark.skipif(not REAL.is_dir(), reason="the data sets are not here")
@pytest.mark.timeout(300)
def test_no_held_out_text_is_trained_on() -> None:
    splits, sets = {}, {one.name: one for one in CATALOGUE}
    for one in CATALOGUE:
        try:
            splits[one.name] = one.load(REAL)
        except WeightsError:  # no network, and the archive was never fetched
            continue
    held_out = [row.text for split in splits.values() for row in split.test]
    for name, split in splits.items():
        parts = parted(split, held_out)
        learnt = [row.text for row in parts.train]
        assert near(learnt, [*held_out, *(row.text for row in parts.validation)]) == [], name
        chance = random.Random(0)  # what training makes of a row says no more than the row
        made = {key(view.text) for row in parts.train for view in sets[name].views(row, chance)}
        assert not made & {key(text) for text in held_out}, name
        assert not {key(text) for text in learnt} & {key(row.text) for row in parts.validation}, name


def test_every_set_has_its_card() -> None:
    lines = (DOCS / "heads.md").read_text(encoding="utf-8").splitlines()
    cards = {cells[1].strip(" `"): [one.strip(" `") for one in cells] for line in lines
             if len(cells := line.split("|")) == 10 and "`" in cells[1]}  # fmt: skip
    assert set(cards) == {one.name for one in CATALOGUE}
    for one in CATALOGUE:
        _, name, head, what, licence, version, labels, held_out, _slices, _ = cards[one.name]
        assert (name, head, licence) == (one.name, one.head, one.licence)
        assert all((what, labels, held_out))
        if REAL.is_dir() and one.name != "ours":
            assert version == one.sha256(REAL)[:8], name


def test_our_own_headlines_are_none_of_the_samples() -> None:
    split = next(one for one in CATALOGUE if one.name == "ours").load(Path())
    phrases = [line.split("|", 1)[-1] for path in SAMPLE.glob("*.txt") for line in path.read_text().splitlines()]
    assert len(phrases) > 300
    assert near([row.text for row in (*split.train, *split.test)], phrases) == []


def test_groups_hold_what_is_nearly_the_same_and_what_links_it() -> None:
    words = [f"w{chr(97 + at)}x" for at in range(26)]
    chain = [" ".join(words[at : at + 20]) for at in range(4)]  # each like the next, the first unlike the last
    assert groups([chain[0], "another text", chain[3], "Another text!", "a third one"]) == [0, 1, 2, 1, 4]
    assert groups([chain[0], "another text", chain[3], chain[2], chain[1]]) == [0, 1, 0, 0, 0]
    assert groups([]) == []


@pytest.mark.parametrize(("end", "found"), [("", 1), (" that could be read", 5_000)])
def test_thousands_of_rows_of_one_template_are_grouped_in_seconds(end: str, found: int) -> None:
    names = ["".join(name) for name in product("abcdefghijklmnopqrst", repeat=3)][:5_000]
    texts = [f"as its card had no chip and its owner no key the gate refused {name}{end}" for name in names]
    assert len(set(groups(texts))) == found
