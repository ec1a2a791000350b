"""The audit of samples can fail: one thing wrong at a time."""

import json
from types import SimpleNamespace

import pytest

from tests.chaos.audit_samples import EVENTS, HOUR_MS, PARTITIONS, SAMPLES, STRAY, Candidate, check_samples, pick
from tests.chaos.ledger import Diverged
from tests.chaos.moments import rfc3339

AT = ("news.raw", 1)
HOUR = 486_111 * HOUR_MS
LEFT = 60  # the offset with which the hour is over


def event(offset, time_ms, uncertainty=None):
    stratum = (("negative", "neutral", "positive")[offset % 3], "markets", "")
    doubt = offset % 10 / 10 if uncertainty is None else uncertainty
    return (offset, time_ms, HOUR * 2, doubt, 1, stratum, offset * 7_919 % 101)


def candidates(rows):
    return [Candidate(offset, *rest) for offset, _, _, *rest in rows]


INSIDE = [event(offset, HOUR + offset * 1_000) for offset in range(LEFT)]
ROWS = [*INSIDE, event(LEFT, HOUR + HOUR_MS), event(LEFT + 1, HOUR + 5, 0.99)]  # late, and the most doubtful
WHOLE, LATER = pick(candidates(INSIDE)), pick(candidates([*INSIDE, ROWS[-1]]))
AT_SHUTDOWN = pick(candidates(INSIDE[:30]))


def stored(picked):
    return [("news", *AT, offset, reason, HOUR, f"news-{offset}", "a text") for offset, reason in sorted(picked)]


def told(row, **other):
    names = ("kind", "topic", "partition", "offset", "reason", "picked_for", "event_id", "text")
    body = dict(zip(names, row, strict=True)) | {"picked_for": rfc3339(row[5])} | other
    return SimpleNamespace(key=row[6].encode(), value=json.dumps(body).encode())


def tick(last_offset):
    body = {"dimension": "watermark", "topic": AT[0], "partition": AT[1], "last_offset": last_offset}
    return SimpleNamespace(key=b"news|watermark|news.raw/1", value=json.dumps(body).encode())


def check(picked, *, topic=None, ticks=(0,), stray=()):
    table = stored(picked)
    answers = {STRAY: list(stray), SAMPLES: table, PARTITIONS: [AT], EVENTS.format(*AT): ROWS}
    samples = [told(row) for row in table] if topic is None else topic
    return check_samples({"samples": samples, "windows": list(map(tick, ticks))}, answers.__getitem__)


@pytest.mark.parametrize("picked", [WHOLE, LATER, WHOLE | LATER, WHOLE | AT_SHUTDOWN], ids=str)
def test_picks_that_may_have_been_made(picked):
    assert check(picked) == (len(picked), 1)


def test_a_twentieth_is_picked_by_turns_from_what_was_said():
    some = [Candidate(n, 0.9 - n / 100, n != 2, ("a" if n < 30 else "b",), 100 - n) for n in range(40)]
    assert pick(some) == {(0, "uncertain"), (30, "uncertain"), (39, "random")}


def test_nothing_is_due_of_the_hours_that_the_first_batch_spans():
    assert check(set(), ticks=(LEFT, 0)) == (0, 0)


def test_one_may_be_told_again():
    table = stored(WHOLE)
    check(WHOLE, topic=[told(row) for row in table * 2])


def without_one(picked):
    return picked - {min(picked)}


@pytest.mark.parametrize(
    ("says", "left"),
    [
        ("has no pick since", lambda: check(set())),
        ("has no pick since", lambda: check(AT_SHUTDOWN)),
        ("has no pick since", lambda: check(without_one(WHOLE))),
        ("which no pick has", lambda: check(WHOLE | {(3, "random")})),
        ("are no events", lambda: check(WHOLE, stray=[(*AT, 99, "news-99")])),
        ("samples topic against samples", lambda: check(WHOLE, topic=[])),
        ("samples topic against samples", lambda: check(WHOLE, topic=[told(row) for row in stored(WHOLE)[1:]])),
        ("samples topic against samples", lambda: check(WHOLE, topic=[told(row) for row in stored(WHOLE | LATER)])),
        ("was published as", lambda: check(WHOLE, topic=[told(stored(WHOLE)[0]), told(stored(WHOLE)[0], text="b")])),
        ("never ticked", lambda: check(WHOLE, ticks=())),
    ],
)
def test_samples_that_are_not_what_would_be_picked(says, left):
    with pytest.raises(Diverged, match=says):
        left()


def test_a_sample_of_an_hour_without_events():
    row = ("news", *AT, 3, "random", HOUR - HOUR_MS, "news-3", "a text")
    answers = {STRAY: [], SAMPLES: [row], PARTITIONS: [], EVENTS.format(*AT): ROWS}
    with pytest.raises(Diverged, match="no event is in the hour"):
        check_samples({"samples": [told(row)], "windows": [tick(0)]}, answers.__getitem__)
