"""The audit of alerts can fail: one thing wrong at a time."""

import json
from types import SimpleNamespace

import pytest

from tests.chaos.audit_alerts import ALERTS, MINUTE_MS, POSITIONS, check_alerts, digest, surges_of
from tests.chaos.ledger import Diverged, Entry
from tests.chaos.moments import rfc3339

AT = ("news.raw", 1, 7)
START_MS = 1_749_999_960_000
LATER_MS = START_MS + 3_600_000


def told(revision, status, *, start_ms=START_MS, named_ms=None, evidence=True, marked=True, **otherwise):
    """A revision as the table and as the topic have it; `otherwise` is what the topic says instead."""
    of = {"kind": "news", "dimension": "all", "key": "all"}
    mark = digest("volume_surge", *of.values())[:16]
    start = rfc3339(start_ms)
    name = digest(mark, start if named_ms is None else rfc3339(named_ms), str(revision))[:32]
    shown = json.dumps([{"topic": AT[0], "partition": AT[1], "offset": AT[2]}] if evidence else [])
    row = (
        name, mark, start_ms, revision, status, "volume_surge", *of.values(), shown, "warning", 30.0, 4.5, 7.25,
        start_ms, 60, start_ms + 60_000, marked,
    )  # fmt: skip
    body = {
        "id": name, "fingerprint": mark, "startsAt": start, "revision": revision, "status": status,
        "rule": "volume_surge", "labels": of, "severity": "warning", "value": 30, "expected": 4.5, "score": 7.25,
        "window": {"start": start, "seconds": 60}, "endsAt": rfc3339(start_ms + 60_000), "evidence": [],
    }  # fmt: skip
    return row, SimpleNamespace(value=json.dumps(body | otherwise).encode())


def check(*pairs, unsaid=0, again=(), positions=(AT,), entries=()):
    rows, records = [row for row, _ in pairs], [record for _, record in pairs]
    answers = {ALERTS: rows, POSITIONS: list(positions)}
    return check_alerts([*records[unsaid:], *(record for _, record in again)], entries, answers.__getitem__)


def test_an_incident_in_order_and_one_after_it():
    assert check(told(1, "firing"), told(2, "resolved"), told(1, "firing", start_ms=LATER_MS)) == 3


def test_one_may_be_told_again_with_other_evidence():
    assert check(told(1, "firing"), again=[told(1, "firing", evidence=[AT])]) == 1


@pytest.mark.parametrize(
    ("says", "left"),
    [
        ("alerts topic against alerts", lambda: check(told(1, "firing"), told(2, "resolved"), unsaid=1)),
        ("alerts topic against alerts", lambda: check(told(1, "firing", value=31))),
        ("alerts topic against alerts", lambda: check(told(1, "firing", severity="critical"))),
        ("was told as", lambda: check(told(1, "firing"), again=[told(1, "firing", value=31)])),
        ("was told as", lambda: check(told(1, "firing"), again=[told(1, "resolved")])),
        ("was told as", lambda: check(told(1, "firing"), again=[told(1, "firing", severity="critical")])),
        (
            "was told as",
            lambda: check(
                told(1, "firing"), again=[told(1, "firing", window={"start": rfc3339(LATER_MS), "seconds": 60})]
            ),
        ),
        ("not marked as told", lambda: check(told(1, "firing"), told(2, "resolved", marked=False))),
        ("has revisions", lambda: check(told(1, "firing"), told(3, "resolved"))),
        ("has revisions", lambda: check(told(1, "resolved"), told(2, "firing"))),
        ("shows nothing", lambda: check(told(1, "firing", evidence=False))),
        ("shows", lambda: check(told(1, "firing"), positions=())),
        ("not named after", lambda: check(told(1, "firing", named_ms=START_MS + 60_000))),
        ("several open", lambda: check(told(1, "firing"), told(1, "firing", start_ms=LATER_MS))),
    ],
)
def test_alerts_that_contradict_themselves(says, left):
    with pytest.raises(Diverged, match=says):
        left()


def load(*, minutes, bad):
    """So many minutes of 20 lines; in one of them all are errors."""
    return [
        Entry(
            "logs",
            f"logs-{n}",
            START_MS + n * 3_000,
            (("service", "pay"),),
            0,
            n,
            "error" if n // 20 == bad else "info",
        )
        for n in range(minutes * 20)
    ]


def test_a_surge_that_nobody_tells_of():
    entries = load(minutes=40, bad=25)
    assert surges_of(entries) == [(rfc3339(START_MS + 25 * MINUTE_MS), "pay", 20)]
    with pytest.raises(Diverged, match="errors surged"):
        check(entries=entries)
    assert check(told(1, "firing"), entries=entries) == 1


@pytest.mark.parametrize(("minutes", "bad"), [(40, None), (40, 10), (40, 38), (0, None)])
def test_no_surge_or_none_to_be_judged(minutes, bad):
    assert check(entries=load(minutes=minutes, bad=bad)) == 0
