"""The audit can fail: one thing wrong at a time, in what a run left behind."""

import json
from types import SimpleNamespace

import pytest

from tests.chaos import audit
from tests.chaos.ledger import Diverged

AT = ("news.raw", 1, 7)


def record(value, **headers):
    return SimpleNamespace(
        value=value if isinstance(value, bytes) else json.dumps(value).encode(),
        headers=[(name.replace("_", "-"), text.encode()) for name, text in headers.items()],
    )


def dead_letters(*records):
    log = {f"{topic}.dlq": [] for topic in audit.TOPICS.values()} | {"news.raw.dlq": records}
    audit._dead_letters(log, {AT: (b"{", "not_json")})


def letter(value=b"{", offset="7", error="not_json"):
    return record(value, pw_topic="news.raw", pw_partition="1", pw_offset=offset, pw_error=error)


def test_a_dead_letter_may_be_said_again():
    dead_letters(letter(), letter())


@pytest.mark.parametrize(
    "some", [[], [letter(offset="8")], [letter(b"}")], [letter(error="failed")], [letter(), letter(offset="8")]]
)
def test_dead_letters_that_are_not_the_poison(some):
    with pytest.raises(Diverged, match="dead letters"):
        dead_letters(*some)


def scored(*categories):
    names = ("topic", "partition", "offset")
    said = {"event_id": "a", "sentiment": "neutral", "severity": ""} | dict(zip(names, AT, strict=True))
    log = {topic: [] for topic in audit.SCORED.values()}
    log["news.scored"] = [record(said | {"category": category}) for category in categories]
    audit._scored(log, lambda _: [(*AT, "a", "neutral", "markets", "")])


def test_an_event_may_be_published_again_as_it_was():
    scored("markets", "markets")


@pytest.mark.parametrize("categories", [[], ["macro"], ["markets", "macro"]])
def test_an_event_that_is_published_as_something_else(categories):
    with pytest.raises(Diverged, match="scored"):
        scored(*categories)
