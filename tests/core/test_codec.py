"""Window rows on the wire."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.codec import decode_window, encode_window, from_rfc3339, rfc3339
from streams.core.window import WindowRow
from streams.topology import KINDS

COUNTS = st.integers(0, 2**31)
MOMENTS = st.integers(-2_208_988_800_000, 4_102_444_800_000)  # 1900 to 2100

rows = st.builds(
    WindowRow,
    kind=st.sampled_from(KINDS),
    dimension=st.sampled_from(("all", "entity", "watermark")),
    key=st.text(st.characters(exclude_categories=["Cs"])),
    window_seconds=st.sampled_from((60, 3600)),
    window_start_ms=MOMENTS,
    topic=st.just("news.raw"),
    partition=st.integers(0, 999),
    events=COUNTS,
    negative=COUNTS,
    neutral=COUNTS,
    positive=COUNTS,
    sentiment_sum_e4=st.integers(-(10**15), 10**15),
    anomalies=COUNTS,
    anomaly_max=st.floats(0, 1),
    errors=COUNTS,
    last_offset=st.integers(-1, 2**62),
    watermark_ms=MOMENTS,
)


@given(rows)
def test_what_is_encoded_is_decoded(row):
    assert decode_window(encode_window(row)) == row


@given(MOMENTS)
def test_a_moment_survives(ms):
    assert from_rfc3339(rfc3339(ms)) == ms


@given(st.binary())
def test_decode_never_raises(noise):
    assert decode_window(noise) is None


def test_the_names_are_the_contracts():
    row = WindowRow(
        kind="news", dimension="entity", key="Apple", window_seconds=60, window_start_ms=1_764_000_000_000,
        topic="news.raw", partition=2, events=3, negative=2, neutral=1, positive=0, sentiment_sum_e4=-14_999,
        anomalies=0, anomaly_max=0.25, errors=0, last_offset=41, watermark_ms=1_764_000_012_345,
    )  # fmt: skip
    assert json.loads(encode_window(row)) == {
        "window_start": "2025-11-24T16:00:00.000Z", "window_seconds": 60, "kind": "news", "dimension": "entity",
        "key": "Apple", "topic": "news.raw", "partition": 2, "events": 3, "negative": 2, "neutral": 1, "positive": 0,
        "sentiment_sum": -1.4999, "anomalies": 0, "anomaly_max": 0.25, "errors": 0, "last_offset": 41,
        "watermark": "2025-11-24T16:00:12.345Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"kind": "weather"}, {"events": "3"}, {"window_start": "yesterday"}, {"watermark": "9999-99-99"}, {"key": None}],
)  # fmt: skip
def test_what_is_no_row_is_none(change):
    good = dict.fromkeys(WindowRow.__struct_fields__, 0) | {
        "window_start": "2025-11-24T16:00:00Z", "window_seconds": 60, "kind": "logs", "dimension": "all", "key": "all",
        "topic": "logs.raw", "sentiment_sum": 0, "watermark": "2025-11-24T16:00:12Z",
    }  # fmt: skip
    assert decode_window(msgspec.json.encode(good)) is not None
    assert decode_window(msgspec.json.encode(good | change)) is None


def test_a_tombstone_is_none():
    assert decode_window(None) is None
    assert decode_window(b"[" * 5_000) is None
