"""The audit can fail: one thing wrong at a time, in what a run left behind."""

import json
from types import SimpleNamespace

import pytest

from tests.chaos import audit
from tests.chaos.ledger import Diverged

AT = ("news.raw", 1, 7)
START = "2025-06-15T15:06:00.000Z"
START_MS = 1_749_999_960_000


def record(value, **headers):
    return SimpleNamespace(
        value=value if isinstance(value, bytes) else json.dumps(value).encode(),
        headers=[(name.replace("_", "-"), text.encode()) for name, text in headers.items()],
    )


def told(revision, status, *, start=START, start_ms=START_MS, evidence=True):
    """A revision as the table and as the topic have it."""
    mark = audit._digest("volume_surge", "news", "all", "all")[:16]
    name = audit._digest(mark, start, str(revision))[:32]
    shown = json.dumps([{"topic": AT[0], "partition": AT[1], "offset": AT[2]}] if evidence else [])
    row = (name, mark, start_ms, revision, status, "volume_surge", "news", "all", "all", shown)
    return row, record({"id": name, "fingerprint": mark, "revision": revision, "status": status})


def alerts(*pairs, unsaid=0, positions=(AT,)):
    rows, records = zip(*pairs, strict=True)
    answers = {audit._ALERTS: list(rows), "SELECT topic, partition, offset FROM events FINAL": list(positions)}
    return audit._alerts({"alerts": records[unsaid:]}, answers.__getitem__)


def test_an_incident_in_order_and_one_after_it():
    later = {"start": "2025-06-15T16:06:00.000Z", "start_ms": START_MS + 3_600_000}
    assert alerts(told(1, "firing"), told(2, "resolved"), told(1, "firing", **later)) == 3


@pytest.mark.parametrize(
    ("says", "left"),
    [
        ("alerts topic against alerts", lambda: alerts(told(1, "firing"), told(2, "resolved"), unsaid=1)),
        ("has revisions", lambda: alerts(told(1, "firing"), told(3, "resolved"))),
        ("has revisions", lambda: alerts(told(1, "resolved"), told(2, "firing"))),
        ("shows nothing", lambda: alerts(told(1, "firing", evidence=False))),
        ("shows", lambda: alerts(told(1, "firing"), positions=())),
        ("not named after", lambda: alerts(told(1, "firing", start_ms=START_MS + 60_000))),
        (
            "several open",
            lambda: alerts(
                told(1, "firing"), told(1, "firing", start="2025-06-15T16:06:00.000Z", start_ms=START_MS + 3_600_000)
            ),
        ),
    ],
)
def test_alerts_that_contradict_themselves(says, left):
    with pytest.raises(Diverged, match=says):
        left()


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
