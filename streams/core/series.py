"""A series is what an analyst watches: one key of one dimension of one kind, over all partitions."""

from collections.abc import Iterable

import msgspec

from streams.core.window import WindowRow
from streams.topology import Kind


class Series(msgspec.Struct, frozen=True, order=True):
    """(kind, dimension, key); `str()` gives the key on the topic `windows`."""

    kind: Kind
    dimension: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}|{self.dimension}|{self.key}"

    @classmethod
    def of(cls, row: WindowRow) -> "Series":
        """The series that a row belongs to."""
        return cls(row.kind, row.dimension, row.key)


class MergedWindow(msgspec.Struct, frozen=True):
    """One window of a series, all partitions added up."""

    start_ms: int
    seconds: int
    events: int = 0
    negative: int = 0
    neutral: int = 0
    positive: int = 0
    sentiment_sum_e4: int = 0
    anomalies: int = 0
    anomaly_max: float = 0.0
    errors: int = 0


def merge(rows: Iterable[WindowRow], *, start_ms: int, seconds: int) -> MergedWindow:
    """Add up one row of each partition. The order does not matter."""
    total = dict.fromkeys(("events", "negative", "neutral", "positive", "sentiment_sum_e4", "anomalies", "errors"), 0)
    anomaly_max = 0.0
    for row in rows:
        for name in total:
            total[name] += getattr(row, name)
        anomaly_max = max(anomaly_max, row.anomaly_max)
    return MergedWindow(start_ms=start_ms, seconds=seconds, anomaly_max=anomaly_max, **total)
