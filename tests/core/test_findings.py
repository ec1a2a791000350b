import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.heads import labels
from models.reading import Reading
from streams.core.event import Event, Findings, Said, Scored
from streams.core.findings import findings_of
from streams.core.window import series_of

HEADS = {"news": ("sentiment", "category"), "logs": ("severity",), "user": ("sentiment", "intent")}


def reading() -> Reading:
    """The last label of every head, nearly for certain."""
    shares = {}
    for head, names in labels().items():
        rest = 0.1 / (len(names) - 1)
        shares[head] = (*[rest] * (len(names) - 1), 0.9)
    return Reading(shares, 7)


def doubt_of(shares, sure):
    event = Event("user", "topic", 0, 1, "id", 0, 0, text="where is my card?")
    names = tuple(map(str, range(len(shares))))
    said = {"heads": {"user": ("desk",)}, "labels": {"desk": names}, "sure": {"desk": sure}}
    return findings_of(event, Reading({"desk": shares}, 7), **said, model="m").uncertainty


def found(kind):
    event = Event(kind, "topic", 0, 1, "id", 0, 0, text="where is my card?", template="card <*> lost")
    return findings_of(event, reading(), heads=HEADS, labels=labels(), sure={}, model="m")


def test_a_users_text_has_an_intent():
    one = found("user")
    assert (one.intent, one.sentiment, one.category, one.severity) == (labels()["intent"][-1], "positive", "", "")


@pytest.mark.parametrize("kind", ["news", "logs"])
def test_no_other_kind_has_one(kind):
    assert found(kind).intent == ""


def test_a_bundle_without_the_head_leaves_it_empty():
    event = Event("user", "topic", 0, 1, "id", 0, 0, text="hello")
    without = HEADS | {"user": ("sentiment",)}
    known = {head: names for head, names in labels().items() if head != "intent"}
    shares = {head: part for head, part in reading().probabilities.items() if head != "intent"}
    one = findings_of(event, Reading(shares, 7), heads=without, labels=known, sure={}, model="m")
    assert (one.intent, one.sentiment) == ("", "positive")


@pytest.mark.parametrize(("kind", "kept"), [("user", {"desk": Said("refund", 0.7)}), ("news", {})])
def test_a_further_head_is_kept_under_its_name_for_the_kinds_that_it_answers_for(kind, kept):
    event = Event(kind, "topic", 0, 1, "id", 0, 0, text="where is my card?")
    shares = reading().probabilities | {"desk": (0.3, 0.7)}
    heads = HEADS | {"user": ("sentiment", "desk")}
    known = labels() | {"desk": ("order", "refund")}
    one = findings_of(event, Reading(shares, 7), heads=heads, labels=known, sure={}, model="m")
    assert one.heads == kept
    assert one.uncertainty == (0.6 if kept else 0.2)


@pytest.mark.parametrize(
    ("first", "sure", "expected"),
    [(1.0, 0.9, 0.0), (0.95, 0.9, 0.25), (0.9, 0.9, 0.5), (0.8, 0.9, 0.625), (0.5, 0.9, 1.0), (0.9, 0.6, 0.125),
     (1.0, 1.0, 0.0), (0.99, 1.0, 0.51), (0.5, 0.5, 0.5)],
)  # fmt: skip
def test_an_answer_is_uncertain_where_the_bundle_says_that_it_is_not_sure(first, sure, expected):
    assert doubt_of((first, 1 - first), sure) == expected


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=9), st.floats(0, 1))
def test_uncertainty_is_a_share_and_above_one_half_exactly_where_it_is_not_sure(shares, sure):
    shares = tuple(one / sum(shares) for one in shares)
    doubt = doubt_of(shares, sure)
    assert 0 <= doubt <= 1
    if abs(max(shares) - sure) > 0.001:
        assert (doubt > 0.5) == (max(shares) < sure)


def test_windows_count_what_further_heads_say():
    event = Event("user", "user.events", 0, 1, "id", 0, 0, action="review", text="where is my card?")
    said = Findings(sentiment="negative", heads={"desk": Said("refund", 0.7), "tone": Said("rude: very", 0.9)})
    counted = [key for dimension, key in series_of(Scored(event, said)) if dimension == "head"]
    assert counted == ["desk: refund", "tone: rude: very"]
