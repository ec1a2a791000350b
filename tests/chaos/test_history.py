"""What is told of a row that differs: its versions, its events, and the faults that struck when they were sent."""

from types import SimpleNamespace

import pytest

from tests.chaos.audit_sums import WHAT as SUMS
from tests.chaos.history import Struck, history
from tests.chaos.ledger import Diverged, Entry, Ledger

START_MS = 1_750_000_020_000
WIRE = (("source", "wire"),)
SENT = [
    Entry("news", "news-0", START_MS, WIRE, 1, 6),
    Entry("news", "news-1", START_MS + 59_999, WIRE, 1, 7),
    Entry("news", "news-2", START_MS + 60_000, WIRE, 1, 8),
    Entry("news", "news-3", START_MS, (("source", "herald"),), 1, 9),
    Entry("news", "news-4", START_MS, WIRE, 2, 7),
]
LOG = {
    "news.raw": [
        SimpleNamespace(topic="news.raw", partition=e.partition, offset=e.offset, timestamp=e.offset * 1_000, value=b"")
        for e in SENT
    ]
}
STRUCK = (Struck(1, "kill at stored", 5_500, 6_500), Struck(2, "a slow store", 6_900, 7_100), Struck(3, "x", 9_500, 1))


def told(what, at):
    diverged = Diverged("differs", what=what, at=at)
    return history(diverged, Ledger(entries=SENT), LOG, lambda _: [("row",)], struck=STRUCK)


def sent(lines):
    return [line.split()[1] for line in lines if line.startswith("  sent    ")]


@pytest.mark.parametrize(
    ("what", "at", "places", "faults"),
    [
        ("events", ("news", "news.raw", 1, 7, "news-1", 5, "", "x"), [7], [2]),
        ("windows", ("news", "source", "wire", 60, START_MS, 1), [6, 7], [1, 2]),
        ("windows", ("news", "all", "all", 60, START_MS, 1), [6, 7, 9], [1, 2]),
        (SUMS, ("news", "category", "Fed", 60, START_MS, "news.raw", 1), [6, 7, 9], [1, 2]),
        ("dead letters", ("news.raw", 1, 6), [6], [1]),
        ("scored", ("news.raw", 1, 9), [9], []),
    ],
)
def test_events_behind_a_row_and_the_faults_of_that_time(what, at, places, faults):
    lines = told(what, at)
    assert sent(lines) == [f"news.raw/1/{offset}" for offset in places]
    assert [int(line.split()[3].rstrip(",")) for line in lines if "during" in line] == faults


def test_its_versions_are_told():
    assert any(line.startswith("  version") for line in told("windows", ("news", "all", "all", 60, START_MS, 1)))


def test_nothing_to_tell_of():
    assert told("alerts", "a fingerprint") == told("samples", None) == []
