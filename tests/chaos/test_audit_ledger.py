"""The comparison of the tables with the ledger can fail: one thing wrong at a time."""

import random
from collections import Counter

import pytest

from streams.core.redact import redact
from tests.chaos import ledger as of
from tests.chaos.ledger import MANY, Diverged, Entry, Ledger, check, entities_of, level_of, text_of

START_MS = 1_749_999_960_000
BODY = {
    "source": "wire",
    "title": "Shares fall",
    "body": "By a half.",
    "entities": [" Acme\t", "Globex", "Acme", "\u3000"],
}

TEXT = "Shares fall\nBy a half."


def sent():
    """Two pieces of news of one minute, as a ledger."""
    bodies = {n: BODY | {"id": f"news-{n}", "ts": START_MS + n} for n in (4, 6)}
    return Ledger(entries=[Entry.of("news", body, partition=1, offset=n) for n, body in bodies.items()])


def tables(ledger):
    """What the tables have to hold, by the SQL that asks for it."""
    events = [(e.kind, "news.raw", e.partition, e.offset, e.id, e.time_ms, e.level, TEXT) for e in ledger.entries]
    windows = [(*at, *counts) for at, counts in ledger.windows().items()]
    return {of.EVENTS: events, of.WINDOWS: windows}


def compare(answers):
    check(sent(), lambda sql: answers.get(sql, []))


def test_tables_as_the_ledger_has_them():
    compare(tables(sent()))
    assert ("news", "entity", "Acme", 60, START_MS, 1) in sent().windows()
    assert len(sent().windows()) == 2 * 4, "both sizes of all, the source and two entities"


@pytest.mark.parametrize("dimension", ["all", "source", "entity"])
@pytest.mark.parametrize("change", [lambda row: [], lambda row: [(*row[:-2], 1, 6)], lambda row: [(*row[:-1], 4)]])
def test_a_row_that_is_missing_or_wrong(dimension, change):
    answers = tables(sent())
    at = next(n for n, row in enumerate(answers[of.WINDOWS]) if row[1] == dimension)
    answers[of.WINDOWS][at : at + 1] = change(answers[of.WINDOWS][at])
    with pytest.raises(Diverged, match=f"windows: 1 of 8 differ\n.*'{dimension}'"):
        compare(answers)


def test_a_row_for_a_name_that_was_not_spelt_out():
    answers = tables(sent())
    answers[of.WINDOWS].append(("news", "entity", " Acme\t", 60, START_MS, 1, 2, 6))
    with pytest.raises(Diverged, match="windows: 1 of 9 differ"):
        compare(answers)


@pytest.mark.parametrize("change", [lambda rows: rows[:1], lambda rows: rows + rows[:1]])
def test_an_event_lost_or_doubled(change):
    answers = tables(sent())
    answers[of.EVENTS] = change(answers[of.EVENTS])
    with pytest.raises(Diverged, match="events: 1 of 2 differ"):
        compare(answers)


@pytest.mark.parametrize("change", [lambda row: (*row[:-2], "error", row[-1]), lambda row: (*row[:-1], "Shares fall")])
def test_an_event_of_another_level_or_text(change):
    answers = tables(sent())
    answers[of.EVENTS] = [change(row) for row in answers[of.EVENTS]]
    with pytest.raises(Diverged, match="events: 4 of 4 differ"):
        compare(answers)


@pytest.mark.parametrize(
    ("said", "level", "error"),
    [
        ({}, "", False),
        ({"level": None}, "", False),
        ({"level": "[WARN]"}, "warn", False),
        ({"level": "Fatal:"}, "fatal", True),
    ],
)
def test_levels(said, level, error):
    assert level_of(said) == level
    assert Entry("logs", "a", 0, (), 0, 0, level).error == error


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, []),
        ([], []),
        (["", " ", "\u3000"], []),
        (["Globex", "Acme", " Globex"], ["Globex", "Acme"]),
        (["Cafe\u0301 Noir", "Café Noir "], ["Café Noir"]),
        (MANY, [f"part {number}" for number in range(32)]),
    ],
)
def test_names_that_an_event_counts_for(given, names):
    assert entities_of({"entities": given}) == names


@pytest.mark.parametrize("kind", ["news", "logs", "user"])
def test_most_texts_come_once_and_none_is_masked(kind):
    rng = random.Random(3)
    texts = Counter(text_of(kind, of._event(rng, kind, number, START_MS)) for number in range(4_000))
    texts.pop("", None)
    once = sum(count == 1 for count in texts.values())
    assert 0.7 * texts.total() < once < 0.9 * texts.total()
    assert max(texts.values()) >= 10
    assert [text for text in texts if redact(text) != text] == []
