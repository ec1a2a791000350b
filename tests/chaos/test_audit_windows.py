"""The audit of the topic `windows` can fail: one thing wrong at a time."""

import json
from types import SimpleNamespace

import pytest

from tests.chaos.audit_windows import ROWS, check_window_topic
from tests.chaos.ledger import Diverged

START, START_MS = "2025-06-15T15:06:00.000Z", 1_749_999_960_000


def stored(*, key="wire", last_offset=7, events=3, sentiment_e4=-1_500, anomaly_max=0.75):
    at = ("news", "source", key, 60, START_MS, "news.raw", 1)
    return (*at, last_offset, events, 1, 1, 1, sentiment_e4, 1, anomaly_max, 0)


def told(row, *, offset, partition=0, key=None):
    kind, dimension, series, seconds, _, topic, at, last_offset, events, *signs, e4, anomalies, most, errors = row
    body = {
        "kind": kind, "dimension": dimension, "key": series, "window_seconds": seconds, "window_start": START,
        "topic": topic, "partition": at, "last_offset": last_offset, "events": events, "sentiment_sum": e4 / 10_000,
        "anomalies": anomalies, "anomaly_max": most, "errors": errors,
    } | dict(zip(("negative", "neutral", "positive"), signs, strict=True))  # fmt: skip
    name = f"{kind}|{dimension}|{series}" if key is None else key
    return SimpleNamespace(key=name.encode(), value=json.dumps(body).encode(), partition=partition, offset=offset)


def check(rows, *records):
    check_window_topic(records, {ROWS: rows}.__getitem__)


EARLY, LATE = stored(last_offset=5, events=2), stored()
TICK = stored(key="news.raw/1")


def tick(offset):
    row = ("news", "watermark", *TICK[2:])
    return told(row, offset=offset)


def test_the_last_state_counts_and_may_be_told_again():
    check([LATE], told(EARLY, offset=0), told(LATE, offset=1), tick(2), told(LATE, offset=3), told(EARLY, offset=4))


@pytest.mark.parametrize(
    ("rows", "records"),
    [
        ([LATE], []),
        ([LATE], [tick(0)]),
        ([], [told(LATE, offset=0)]),
        ([LATE], [told(EARLY, offset=0)]),
        ([EARLY], [told(EARLY, offset=0), told(LATE, offset=1)]),
        ([LATE], [told(stored(events=4), offset=0)]),
        ([LATE], [told(stored(sentiment_e4=-1_501), offset=0)]),
        ([LATE], [told(stored(anomaly_max=0.5), offset=0)]),
        ([LATE, stored(key="herald")], [told(LATE, offset=0)]),
    ],
    ids=["empty", "clock only", "of no row", "too old", "too new", "events", "sentiment", "anomaly", "half"],
)
def test_a_topic_that_does_not_tell_the_rows(rows, records):
    with pytest.raises(Diverged, match="windows topic against windows"):
        check(rows, *records)


def test_one_state_with_other_sums():
    with pytest.raises(Diverged, match="was published as"):
        check([LATE], told(stored(events=4), offset=0), told(LATE, offset=1))


def test_the_key_of_another_series():
    with pytest.raises(Diverged, match="is the key of"):
        check([LATE], told(LATE, offset=0, key="news|source|herald"))


HOUR = (*LATE[:3], 3600, *LATE[4:])


def test_what_compaction_may_have_taken():
    check([LATE, HOUR], told(LATE, offset=4))
    check([LATE, HOUR], told(EARLY, offset=3), told(HOUR, offset=4))


@pytest.mark.parametrize(
    ("rows", "records"),
    [
        ([LATE, stored(key="herald")], [told(LATE, offset=4)]),
        ([LATE], [told(stored(events=4), offset=4)]),
        ([EARLY], [told(LATE, offset=4)]),
        ([LATE, HOUR], [told(LATE, offset=0), told(stored(key="a"), offset=2, partition=1)]),
    ],
    ids=["a series is not heard of", "sums", "too new", "holes elsewhere"],
)
def test_what_compaction_does_not_excuse(rows, records):
    with pytest.raises(Diverged, match="windows topic against windows"):
        check(rows, *records)
