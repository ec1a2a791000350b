"""The audit of alerts can fail: one thing wrong at a time."""

import json
from types import SimpleNamespace

import pytest

from tests.chaos.audit_alerts import ALERTS, check_alerts, digest
from tests.chaos.audit_breaches import COUNTS, surges_of
from tests.chaos.ledger import MINUTE_MS, Diverged, Entry
from tests.chaos.moments import rfc3339

START_MS = 1_749_999_960_000
LATER_MS = START_MS + 60 * MINUTE_MS
AT = ("logs.raw", 1, 7)
PAY = (("service", "pay"), ("source", "pay"))
EVIDENCE = Entry("logs", "logs-7", START_MS + 5, PAY, 1, 7, "error")
SERIES = ("logs", "service", "pay")
FIRED = {"severity": "warning", "value": 30.0, "expected": 4.0, "score": 7.25}
OF_RULE = {
    "volume_surge": {},
    "error_surge": {},
    "sentiment_drop": {"value": -0.5, "expected": 0.25, "score": 4.0},
    "action_drop": {"value": 3.0, "expected": 30.0, "score": 4.0},
}


def told(
    revision=1, status="firing", *, rule="volume_surge", start_ms=START_MS, named_ms=None, evidence=(AT,), marked=True,
    says=None, **otherwise,
):  # fmt: skip
    """A revision as the table and as the topic have it; `says` is what the topic has instead."""
    mark = digest(rule, *SERIES)[:16]
    name = digest(mark, rfc3339(start_ms if named_ms is None else named_ms), str(revision))[:32]
    shown = [{"topic": topic, "partition": partition, "offset": offset} for topic, partition, offset in evidence]
    of = FIRED | OF_RULE[rule] | {"window_ms": start_ms, "seconds": 60, "ends_ms": start_ms + MINUTE_MS} | otherwise
    severity, *found = (of[name] for name in ("severity", "value", "expected", "score"))
    row = (
        name, mark, start_ms, revision, status, rule, *SERIES, severity, *found, of["window_ms"], of["seconds"],
        of["ends_ms"], json.dumps(shown), marked,
    )  # fmt: skip
    body = {
        "id": name, "fingerprint": mark, "startsAt": rfc3339(start_ms), "revision": revision, "status": status,
        "rule": rule, "labels": dict(zip(("kind", "dimension", "key"), SERIES, strict=True)), "severity": severity,
        "value": found[0], "expected": found[1], "score": found[2],
        "window": {"start": rfc3339(of["window_ms"]), "seconds": of["seconds"]}, "endsAt": rfc3339(of["ends_ms"]),
        "evidence": [],
    }  # fmt: skip
    return row, SimpleNamespace(value=json.dumps(body | (says or {})).encode())


def check(*pairs, unsaid=0, again=(), entries=(EVIDENCE,), counts=(30, 30), before=4):
    """`counts` are (events, errors) of each window told of, `before` the events of the one before it."""
    rows, records = [row for row, _ in pairs], [record for _, record in pairs]
    windows = {row[13] for row in rows}
    held = [(*SERIES, start_ms, *counts) for start_ms in windows]
    held += [(*SERIES, start_ms - MINUTE_MS, before, 0) for start_ms in windows]
    answers = {ALERTS: rows, COUNTS: held}
    return check_alerts([*records[unsaid:], *(record for _, record in again)], entries, answers.__getitem__)


def later(**otherwise):
    return told(start_ms=LATER_MS, evidence=[("logs.raw", 1, 8)], **otherwise)


LATER_EVIDENCE = Entry("logs", "logs-8", LATER_MS, PAY, 1, 8)
BOTH = (EVIDENCE, LATER_EVIDENCE)


def test_an_incident_in_order_and_one_after_it():
    assert check(told(), told(2, "resolved"), later(), entries=BOTH) == (3, 0, 0)


def test_one_that_became_worse():
    risen, doubled = {"severity": "critical", "score": 12.5}, {"severity": "critical", "score": 25.0, "expected": 1.0}
    assert check(told(), told(2, **risen), told(3, **doubled))[0] == 3


def test_one_may_be_told_again_with_other_evidence():
    assert check(told(), again=[told(says={"evidence": [AT]})])[0] == 1


@pytest.mark.parametrize(
    ("says", "left"),
    [
        ("alerts topic against alerts", lambda: check(told(), told(2, "resolved"), unsaid=1)),
        ("alerts topic against alerts", lambda: check(told(says={"value": 31}))),
        ("alerts topic against alerts", lambda: check(told(says={"severity": "critical"}))),
        ("was told as", lambda: check(told(), again=[told(value=31.0)])),
        ("was told as", lambda: check(told(), again=[told(says={"status": "resolved"})])),
        ("was told as", lambda: check(told(), again=[told(says={"severity": "critical"})])),
        (
            "was told as",
            lambda: check(told(), again=[told(says={"window": {"start": rfc3339(LATER_MS), "seconds": 60}})]),
        ),
        ("not marked as told", lambda: check(told(), told(2, "resolved", marked=False))),
        ("has revisions", lambda: check(told(), told(3, "resolved"))),
        ("has revisions", lambda: check(told(status="resolved"), told(2))),
        ("not named after", lambda: check(told(named_ms=START_MS + MINUTE_MS))),
        ("was over", lambda: check(told(), later(), entries=BOTH)),
        ("was over", lambda: check(told(), told(2, "resolved", ends_ms=LATER_MS), later(), entries=BOTH)),
        ("does not begin", lambda: check(told(window_ms=START_MS + MINUTE_MS))),
        ("hardly worse", lambda: check(told(), told(2, score=8.0))),
        ("does not end what", lambda: check(told(), told(2, "resolved", value=29.0))),
        ("ends before", lambda: check(told(), told(2, "resolved", ends_ms=START_MS))),
        ("shows nothing", lambda: check(told(evidence=()))),
        ("shows", lambda: check(told(), entries=())),
        ("shows", lambda: check(told(), entries=[Entry("logs", "a", START_MS + MINUTE_MS, PAY, 1, 7)])),
        ("shows", lambda: check(told(), entries=[Entry("logs", "a", START_MS - 1, PAY, 1, 7)])),
        ("shows", lambda: check(told(), entries=[Entry("logs", "a", START_MS, (("service", "cart"),), 1, 7)])),
        ("its score", lambda: check(told(score=5.9))),
        ("its severity", lambda: check(told(score=12.5))),
        ("its severity", lambda: check(told(severity="critical"))),
        ("its window", lambda: check(told(seconds=3600))),
        ("29 events", lambda: check(told(), counts=(29, 30))),
        ("30 events", lambda: check(told(expected=10.5, score=6.0), before=11)),
        ("at most 3 before", lambda: check(told(), before=3)),
        ("spreads", lambda: check(told(score=13.1, severity="critical"))),
        ("29 errors", lambda: check(told(rule="error_surge"), counts=(30, 29))),
        ("a fall", lambda: check(told(rule="sentiment_drop", value=0.0))),
        ("a fall", lambda: check(told(rule="sentiment_drop", value=-1.1))),
        ("2 events", lambda: check(told(rule="action_drop"), counts=(2, 0), before=30)),
        ("30 events", lambda: check(told(rule="action_drop", value=7.0), before=30)),
        ("at most 29 before", lambda: check(told(rule="action_drop"), before=29)),
    ],
)
def test_alerts_that_contradict_themselves_or_the_windows(says, left):
    with pytest.raises(Diverged, match=says):
        left()


@pytest.mark.parametrize("rule", ["error_surge", "sentiment_drop", "action_drop"])
def test_what_each_rule_may_claim(rule):
    assert check(told(rule=rule), before=30)[0] == 1


def test_a_drop_shows_what_came_last():
    hours = Entry("logs", "a", START_MS - 3 * 3_600_000, PAY, 1, 7)
    assert check(told(rule="action_drop"), before=30, entries=[hours])[0] == 1


def load(*, minutes, bad):
    """So many minutes of 20 lines; in one of them all are errors."""
    return [
        Entry("logs", f"logs-{n}", START_MS + n * 3_000, PAY, 0, n, "error" if n // 20 == bad else "info")
        for n in range(minutes * 20)
    ]


def test_a_surge_that_nobody_tells_of():
    entries = load(minutes=40, bad=25)
    surge_ms = START_MS + 25 * MINUTE_MS
    assert surges_of(entries) == [(rfc3339(surge_ms), "pay", 20)]
    with pytest.raises(Diverged, match="not told of"):
        check(entries=entries)
    of_it = told(rule="error_surge", start_ms=surge_ms, evidence=[("logs.raw", 0, 500)])
    assert check(of_it, entries=entries) == (1, 1, 1)
    with pytest.raises(Diverged, match="not told of"):
        check(told(rule="error_surge", evidence=[("logs.raw", 0, 1)]), entries=entries)


@pytest.mark.parametrize(("minutes", "bad"), [(40, None), (40, 10), (40, 38), (0, None)])
def test_no_surge_or_none_to_be_judged(minutes, bad):
    assert check(entries=load(minutes=minutes, bad=bad)) == (0, 0, 0)
