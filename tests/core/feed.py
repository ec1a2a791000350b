"""Builds what the topic `windows` carries: rows of each partition, then the ticks that close them."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from streams.core.alert import Alert
from streams.core.detect import WATERMARK, Detection, Detector
from streams.core.series import Series
from streams.core.window import WindowRow
from streams.topology import RAW

T0 = 1_764_000_000_000  # a full minute
MINUTE_MS = 60_000
PARTITIONS = 2
DETECTION = Detection(partitions=PARTITIONS)

PAYMENTS = Series("logs", "service", "payments")
CHECKOUT = Series("user", "action", "checkout")
APPLE = Series("news", "entity", "Apple")


class Told(msgspec.Struct, frozen=True):
    """What happened in one window of a series, all partitions together."""

    events: int = 0
    errors: int = 0
    sentiment: float = 0.0  # mean


def minute(number: int) -> int:
    """Start of a window."""
    return T0 + number * MINUTE_MS


def row(series: Series, number: int, *, partition: int, told: Told, last_offset: int | None = None) -> WindowRow:
    """One partition's row, as it is when the window is full."""
    negative = told.events if told.sentiment < 0 else 0
    return WindowRow(
        kind=series.kind, dimension=series.dimension, key=series.key, window_seconds=60, window_start_ms=minute(number),
        topic=RAW[series.kind], partition=partition, events=told.events, negative=negative,
        neutral=0, positive=told.events - negative, sentiment_sum_e4=round(told.events * told.sentiment * 10_000),
        anomalies=0, anomaly_max=0.0, errors=told.errors,
        last_offset=number * 1_000 if last_offset is None else last_offset, watermark_ms=minute(number) + 59_000,
    )  # fmt: skip


def tick(kind: str, number: int, *, partition: int) -> WindowRow:
    """The partition's event time has entered window `number`."""
    at = Series(kind, WATERMARK, f"{RAW[kind]}/{partition}")
    made = row(at, number, partition=partition, told=Told())
    return msgspec.structs.replace(made, watermark_ms=minute(number) + 1)


def shares(told: Told) -> Iterator[Told]:
    """How the partitions divide a window among them."""
    for partition in range(PARTITIONS):
        events, errors = ((n + partition) // PARTITIONS for n in (told.events, told.errors))
        yield Told(events, errors, told.sentiment)


def window(series: Mapping[Series, Told], number: int) -> list[WindowRow]:
    """The rows of one window."""
    return [
        row(one, number, partition=partition, told=share)
        for one, told in series.items()
        for partition, share in enumerate(shares(told))
        if share.events
    ]


def ticks(kinds: set[str], number: int) -> list[WindowRow]:
    """Every partition has entered window `number`."""
    return [tick(kind, number, partition=partition) for kind in sorted(kinds) for partition in range(PARTITIONS)]


def messages(series: Mapping[Series, Sequence[Told]], *, first: int = 0) -> list[list[WindowRow]]:
    """What comes minute by minute: the rows of the window, then the ticks that end it."""
    kinds = {one.kind for one in series}
    length = max(len(windows) for windows in series.values())
    return [
        [
            *window({one: windows[n] for one, windows in series.items() if n < len(windows)}, first + n),
            *ticks(kinds, first + n + 1),
        ]
        for n in range(length)
    ]


def detect(series: Mapping[Series, Sequence[Told]], *, detector: Detector | None = None) -> list[Alert]:
    """What a detector tells of all this, with one quiet minute after it so that the last window closes."""
    detector = Detector(DETECTION) if detector is None else detector
    alerts = []
    for batch in messages(series):
        detector.take(batch)
        alerts += detector.judge()
    detector.take(ticks({one.kind for one in series}, max(map(len, series.values())) + 1))
    return alerts + detector.judge()


def counts(*numbers: int) -> list[Told]:
    """Windows with so many events."""
    return [Told(number) for number in numbers]


def told(alerts: Sequence[Alert]) -> list[tuple[str, str, int]]:
    """What matters of alerts at a glance."""
    return [(alert.rule, alert.status, alert.revision) for alert in alerts]
