import pytest

from models.heads import labels
from models.reading import Reading
from streams.core.event import Event
from streams.core.findings import findings_of


def reading() -> Reading:
    """The last label of every head, nearly for certain."""
    shares = {}
    for head, names in labels().items():
        rest = 0.1 / (len(names) - 1)
        shares[head] = (*[rest] * (len(names) - 1), 0.9)
    return Reading(shares, 7)


def found(kind):
    event = Event(kind, "topic", 0, 1, "id", 0, 0, text="where is my card?", template="card <*> lost")
    return findings_of(event, reading(), labels=labels(), model="m")


def test_a_users_text_has_an_intent():
    one = found("user")
    assert (one.intent, one.sentiment, one.category, one.severity) == (labels()["intent"][-1], "positive", "", "")


@pytest.mark.parametrize("kind", ["news", "logs"])
def test_no_other_kind_has_one(kind):
    assert found(kind).intent == ""


def test_a_bundle_without_the_head_leaves_it_empty():
    event = Event("user", "topic", 0, 1, "id", 0, 0, text="hello")
    known = {head: names for head, names in labels().items() if head != "intent"}
    shares = {head: part for head, part in reading().probabilities.items() if head != "intent"}
    one = findings_of(event, Reading(shares, 7), labels=known, model="m")
    assert (one.intent, one.sentiment) == ("", "positive")
