"""How a window row stands on the topic `windows`: one JSON object, the names of docs/contract.

1. `decode_window(encode_window(row)) == row`: sums survive, `sentiment_sum` is a number with at most four decimals.
2. `decode_window` never raises: what is no window row of ours is None.
3. Times are RFC 3339 in UTC with milliseconds.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec

from streams.core.event import E4
from streams.core.window import WindowRow
from streams.topology import Kind

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)


def rfc3339(ms: int) -> str:
    """Milliseconds since 1970 as `2026-11-24T13:00:00.000Z`."""
    return f"{_second(ms // 1_000)}.{ms % 1_000:03d}Z"


@lru_cache(4_096)  # what comes together was written within few seconds
def _second(seconds: int) -> str:
    return (_EPOCH + seconds * _SECOND).isoformat()[:-6]


@lru_cache(4_096)
def from_rfc3339(text: str) -> int:
    """Milliseconds since 1970; a time without a zone is UTC.

    Raises:
        ValueError: it is no time stamp.
    """
    moment = datetime.fromisoformat(text)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // _MS


class _Wire(msgspec.Struct, frozen=True, gc=False):
    """The row as JSON has it, in the order of its fields there."""

    window_start: str
    window_seconds: int
    kind: Kind
    dimension: str
    key: str
    topic: str
    partition: int
    events: int
    negative: int
    neutral: int
    positive: int
    sentiment_sum: float
    anomalies: int
    anomaly_max: float
    errors: int
    last_offset: int
    watermark: str


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_Wire)


def encode_window(row: WindowRow) -> bytes:
    """The value of a message on the topic `windows`."""
    return _encoder.encode(
        _Wire(
            rfc3339(row.window_start_ms), row.window_seconds, row.kind, row.dimension, row.key, row.topic,
            row.partition, row.events, row.negative, row.neutral, row.positive, row.sentiment_sum_e4 / E4,
            row.anomalies, row.anomaly_max, row.errors, row.last_offset, rfc3339(row.watermark_ms),
        )
    )  # fmt: skip


def decode_window(value: bytes | None) -> WindowRow | None:
    """The row that a message on the topic `windows` carries, or None where it carries none."""
    if not value:
        return None
    try:
        wire = _decoder.decode(value)
        start_ms, watermark_ms = from_rfc3339(wire.window_start), from_rfc3339(wire.watermark)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None
    return WindowRow(
        kind=wire.kind, dimension=wire.dimension, key=wire.key, window_seconds=wire.window_seconds,
        window_start_ms=start_ms, topic=wire.topic, partition=wire.partition, events=wire.events,
        negative=wire.negative, neutral=wire.neutral, positive=wire.positive,
        sentiment_sum_e4=round(wire.sentiment_sum * E4), anomalies=wire.anomalies, anomaly_max=wire.anomaly_max,
        errors=wire.errors, last_offset=wire.last_offset, watermark_ms=watermark_ms,
    )  # fmt: skip
