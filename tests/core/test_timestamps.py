"""Time stamps: RFC 3339 in all its shapes, epoch milliseconds, and the future told by the log."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.timestamps import FUTURE_MS, LAST_MS, event_time, parse_rfc3339

NOON_MS = 1_795_521_600_000  # 2026-11-24T12:00:00Z


@pytest.mark.parametrize(
    ("text", "after_noon_ms"),
    [
        ("2026-11-24T12:00:00Z", 0),
        ("2026-11-24t12:00:00z", 0),
        ("2026-11-24 12:00:00Z", 0),
        ("2026-11-24T12:00:00.5Z", 500),
        ("2026-11-24T12:00:00.123999999Z", 123),
        ("2026-11-24T20:00:00+08:00", 0),
        ("2026-11-24T08:30:00.250-03:30", 250),
        ("2026-11-24T12:00:00-00:00", 0),
        ("2026-11-24T11:59:60Z", 0),
        ("2026-11-24T11:59:60.7z", 700),
    ],
)
def test_reads_every_shape_of_rfc3339(text, after_noon_ms):
    assert parse_rfc3339(text) == NOON_MS + after_noon_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-24",
        "2026-11-24T12:00:00",  # no offset: which moment?
        "2026-11-24T12:00Z",
        "20261124T120000Z",
        "2026-13-24T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-11-24T25:00:00Z",
        "2026-11-24T12:00:61Z",
        "2026-11-24T12:00:00+99:00",
        "2026-11-24T12:00:00.Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "1795521600000",
        "２０２６-11-24T12:00:00Z",
        "2026-11-24T12:00:00Z\n",
    ],
)
def test_refuses_what_is_no_rfc3339(text):
    assert parse_rfc3339(text) is None


@given(
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2199, 12, 30)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.integers(min_value=-23 * 60, max_value=23 * 60),
)
def test_reads_back_what_isoformat_writes(moment, offset_minutes):
    moment = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert parse_rfc3339(moment.isoformat()) == expected


def test_the_future_begins_a_day_after_the_brokers_time_stamp():
    assert event_time(NOON_MS + FUTURE_MS, ingested_ms=NOON_MS) == NOON_MS + FUTURE_MS
    assert "more than a day after" in str(event_time(NOON_MS + FUTURE_MS + 1, ingested_ms=NOON_MS))


def test_a_record_without_a_time_stamp_knows_no_future_but_the_stores_end():
    assert event_time(LAST_MS - 1, ingested_ms=-1) == LAST_MS - 1
    assert "after 2199" in str(event_time(LAST_MS, ingested_ms=-1))


def test_the_past_begins_in_1970():
    assert event_time(0, ingested_ms=NOON_MS) == 0
    assert "before 1970" in str(event_time(-1, ingested_ms=NOON_MS))
    assert "before 1970" in str(event_time("1969-12-31T23:59:59Z", ingested_ms=NOON_MS))


@given(st.text() | st.integers())
def test_never_raises(stamp):
    assert isinstance(event_time(stamp, ingested_ms=NOON_MS), int | str)
