from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest.times import read_ago, read_time, read_yearless, rfc3339

NOW_MS = 1_764_000_000_000  # 2025-11-24T16:00:00Z


@pytest.mark.parametrize(
    ("written", "time_format", "expected"),
    [
        ("2026-01-02T03:04:05Z", None, "2026-01-02T03:04:05.000Z"),
        ("2026-01-02 03:04:05,678", None, "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T03:04:05+08:00", None, "2026-01-01T19:04:05.000Z"),
        ("Fri, 02 Jan 2026 03:04:05 GMT", None, "2026-01-02T03:04:05.000Z"),
        (1_764_000_000, None, "2025-11-24T16:00:00.000Z"),
        (1_764_000_000_123, None, "2025-11-24T16:00:00.123Z"),
        ("1764000000.5", None, "2025-11-24T16:00:00.500Z"),
        (20260102, "%Y%m%d", "2026-01-02T00:00:00.000Z"),
        ("1764000000123456", "us", "2025-11-24T16:00:00.123Z"),
        ("26-FEB-1987 15:01:01.79", "%d-%b-%Y %H:%M:%S.%f", "1987-02-26T15:01:01.790Z"),
        ("27-MAR-1987 00:02:59.13RM", "%d-%b-%Y %H:%M:%S.%f", "1987-03-27T00:02:59.130Z"),
        ("9-APR-1987 00:00:00.00    # a guess", "%d-%b-%Y %H:%M:%S.%f", "1987-04-09T00:00:00.000Z"),
    ],
)
def test_a_written_time_is_read(written, time_format, expected):
    time_ms = read_time(written, time_format=time_format)
    assert time_ms is not None
    assert rfc3339(time_ms) == expected


@pytest.mark.parametrize("written", [None, "", "soon", True, [], {}, float("nan"), 1e300, "9" * 20, "2026-13-01"])
def test_what_is_no_time_is_none(written):
    assert read_time(written) is None


def test_a_time_that_does_not_fit_its_format_is_none():
    assert read_time("31-MAR-1987 605:12:19.12", time_format="%d-%b-%Y %H:%M:%S.%f") is None


def test_a_time_without_a_zone_is_in_the_zone_given():
    assert read_time("2026-01-02 08:00:00", zone=ZoneInfo("Asia/Shanghai")) == read_time("2026-01-02T00:00:00Z")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Nov 24 15:00:00", "2025-11-24T15:00:00.000Z"),
        ("Dec  1 15:00:00", "2024-12-01T15:00:00.000Z"),  # still to come this year: it was last year's
        ("Nov 25 10:00:00", "2025-11-25T10:00:00.000Z"),  # a clock that runs ahead
        ("Feb 29 10:00:00", "2024-02-29T10:00:00.000Z"),
    ],
)
def test_a_time_without_a_year_is_in_the_latest_year_that_fits(written, expected):
    time_ms = read_yearless(written, "%b %d %H:%M:%S", now_ms=NOW_MS)
    assert time_ms is not None
    assert rfc3339(time_ms) == expected


@pytest.mark.parametrize(
    ("written", "ago_s"),
    [("3 hours ago", 10_800), ("an hour ago", 3_600), ("2 days ago", 172_800), ("Just now", 0), ("yesterday", 86_400)],
)
def test_relative_times(written, ago_s):
    assert read_ago(written, now_ms=NOW_MS) == NOW_MS - ago_s * 1_000


@given(st.one_of(st.text(), st.floats(), st.integers(), st.none()), st.one_of(st.none(), st.text(), st.just("%Y %b")))
def test_reading_a_time_never_raises(written, time_format):
    assert isinstance(read_time(written, time_format=time_format), int | None)


@given(st.integers(min_value=0, max_value=7_258_118_400_000))
def test_what_is_written_is_read_again(time_ms):
    assert read_time(rfc3339(time_ms)) == time_ms
