"""Event-time tumbling windows of one partition, exact under any replay.

1. A row *is* the aggregate of every event of its partition, window and key up to `last_offset`. Applying an event at or
   below `last_offset` changes nothing, so replays are free whatever their batch boundaries.
2. Rows of one key form a join-semilattice: the join is the row with the greater `last_offset`.
3. The watermark is the greatest event time seen, where one after its record's time stamp counts as that stamp.
   It never goes back and knows no clock.
4. A window is open while its end lies after watermark - lateness. Rows of open windows are all in memory: what is not
   there does not exist. A closed window must be loaded (`missing`, `load`) before an event may correct it.
5. Sums are integers.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from streams.core.event import E4, Event, Findings, Scored
from streams.topology import DIMENSIONS, Kind

ANOMALOUS = 0.5  # an event with at least this anomaly score counts as an anomaly
ERROR_SEVERITIES = frozenset(("error", "critical"))
ERROR_LEVELS = frozenset(
    ("error", "err", "critical", "crit", "fatal", "severe", "alert", "emerg", "emergency", "panic", "e", "f")
)

WindowAt = tuple[int, int]  # (seconds, start in ms)
RowKey = tuple[int, int, str, str]  # (seconds, start in ms, dimension, key)
Pair = tuple[str, str]  # (dimension, key)


class WindowRow(msgspec.Struct, frozen=True, gc=False):
    """One partition's aggregate of one window of one series, exact up to `last_offset`."""

    kind: Kind
    dimension: str
    key: str
    window_seconds: int
    window_start_ms: int
    topic: str
    partition: int
    events: int
    negative: int
    neutral: int
    positive: int
    sentiment_sum_e4: int
    anomalies: int
    anomaly_max: float
    errors: int
    last_offset: int
    watermark_ms: int

    @property
    def row_key(self) -> RowKey:
        """Its key within the partition."""
        return self.window_seconds, self.window_start_ms, self.dimension, self.key


def join(a: WindowRow, b: WindowRow) -> WindowRow:
    """The later of two rows of one key: commutative, associative, idempotent."""
    return b if b.last_offset > a.last_offset else a


class _Count(msgspec.Struct, frozen=True, gc=False):
    """What one event adds to each row that it counts for."""

    offset: int
    sentiment: str
    sentiment_e4: int
    anomaly_score: float
    error: bool


class _Tally(msgspec.Struct):
    """A row while it is being counted."""

    events: int = 0
    negative: int = 0
    neutral: int = 0
    positive: int = 0
    sentiment_sum_e4: int = 0
    anomalies: int = 0
    anomaly_max: float = 0.0
    errors: int = 0
    last_offset: int = -1

    def add(self, one: _Count) -> None:
        """Count one event, unless it is counted already."""
        if one.offset <= self.last_offset:
            return
        self.events += 1
        if one.sentiment:
            self.negative += one.sentiment == "negative"
            self.neutral += one.sentiment == "neutral"
            self.positive += one.sentiment == "positive"
            self.sentiment_sum_e4 += one.sentiment_e4
        if one.anomaly_score >= ANOMALOUS:
            self.anomalies += 1
        self.anomaly_max = max(self.anomaly_max, one.anomaly_score)
        if one.error:
            self.errors += 1
        self.last_offset = one.offset


def _count(scored: Scored) -> _Count:
    found = scored.findings
    return _Count(scored.event.offset, found.sentiment, found.sentiment_e4, found.anomaly_score, is_error(scored))


def is_error(scored: Scored) -> bool:
    """Whether a log line counts as an error: as its level declares, or, without one, as the model reads it."""
    level = scored.event.level
    return level in ERROR_LEVELS if level else scored.findings.severity in ERROR_SEVERITIES


def start_of(event_time_ms: int, seconds: int) -> int:
    """Start of the tumbling window that holds this moment, in ms."""
    return event_time_ms - event_time_ms % (seconds * 1_000)


def series_of(scored: Scored) -> list[tuple[str, str]]:
    """The (dimension, key) pairs that an event counts for; each at most once."""
    event, found = scored.event, scored.findings
    pairs = [("all", "all")]
    for dimension, keys in _KEYS_OF[event.kind]:
        for key in keys(event, found):
            if key:
                pairs.append((dimension, key))  # noqa: PERF401 - a list made for one or two costs more than all else
    return pairs


# How each dimension reads its keys off an event; 'all' has none of its own.
_KEYS: dict[str, Callable[[Event, Findings], Iterable[str]]] = {
    "all": lambda _event, _found: (),
    "source": lambda event, _found: (event.source,),
    "service": lambda event, _found: (event.service,),
    "template": lambda event, _found: (event.template_id,),
    "action": lambda event, _found: (event.action,),
    "lang": lambda event, _found: (event.lang,),
    "category": lambda _event, found: (found.category,),
    "entity": lambda event, _found: dict.fromkeys(event.entities),
    "head": lambda _event, found: [f"{head}: {said.label}" for head, said in found.heads.items()],
}
_KEYS_OF = {kind: [(dimension, _KEYS[dimension]) for dimension in those] for kind, those in DIMENSIONS.items()}


class PartitionWindows:
    """The open windows of one partition."""

    def __init__(self, *, kind: Kind, topic: str, partition: int, sizes: Sequence[int], lateness_ms: int) -> None:
        self.kind: Kind = kind
        self.topic = topic
        self.partition = partition
        self.sizes = tuple(sizes)
        self.lateness_ms = lateness_ms
        self.watermark_ms: int | None = None
        self._rows: dict[WindowAt, dict[Pair, _Tally]] = {}  # by window, so that few are asked whether they are open
        self._loaded: set[WindowAt] = set()

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def restore(self, watermark_ms: int | None, rows: Iterable[WindowRow]) -> None:
        """Take up where the stored rows left off. `rows` holds every row of every window that is open."""
        self.watermark_ms = watermark_ms
        self._take(rows)

    def is_open(self, window: WindowAt) -> bool:
        """Whether the window's end lies after watermark - lateness."""
        seconds, start_ms = window
        return self.watermark_ms is None or start_ms + seconds * 1_000 > self.watermark_ms - self.lateness_ms

    def missing(self, event_times_ms: Iterable[int]) -> set[WindowAt]:
        """The closed windows that must be loaded before events of these times may be folded in."""
        if self.watermark_ms is None:
            return set()
        touched = {(s, start_of(time, s)) for time in event_times_ms for s in self.sizes}
        return {window for window in touched if window not in self._loaded and not self.is_open(window)}

    def load(self, windows: Iterable[WindowAt], rows: Iterable[WindowRow]) -> None:
        """Hand in every stored row of these closed windows."""
        self._loaded.update(windows)
        self._take(rows)

    def fold(self, events: Sequence[Scored]) -> list[WindowRow]:
        """Count events, in offset order; returns the rows that may have changed, as they are now."""
        dirty: dict[WindowAt, dict[Pair, _Tally]] = {}
        for scored in events:
            time_ms = scored.event.event_time_ms
            pairs, count = series_of(scored), _count(scored)
            for seconds in self.sizes:
                window = (seconds, start_of(time_ms, seconds))
                changed = dirty.get(window)
                if changed is None:
                    changed = dirty[window] = {}
                    self._rows.setdefault(window, {})
                for pair in pairs:
                    tally = changed.get(pair)
                    if tally is None:
                        tally = changed[pair] = self._rows[window].setdefault(pair, _Tally())
                    tally.add(count)
            sent_ms = scored.event.ingested_ms
            # One sender whose clock is ahead would close everybody's windows
            reached_ms = sent_ms if 0 <= sent_ms < time_ms else time_ms
            if self.watermark_ms is None or reached_ms > self.watermark_ms:
                self.watermark_ms = reached_ms
        return [self._row(at, pair, tally) for at, rows in dirty.items() for pair, tally in rows.items()]

    def tick(self, *, every_ms: int, last_offset: int) -> WindowRow:
        """Tells how far this partition's event time is: a row without events, of dimension `watermark`."""
        reached_ms = self.watermark_ms or 0
        at = (every_ms // 1_000, reached_ms - reached_ms % every_ms)
        return self._row(at, ("watermark", f"{self.topic}/{self.partition}"), _Tally(last_offset=last_offset))

    def forget_closed(self, *, but: Collection[WindowAt] = ()) -> None:
        """Let go of rows of closed windows, `but` for those that are not stored yet: they stay as they are, whole."""
        shut = [window for window in self._rows if not self.is_open(window)]
        self._loaded = set(shut).intersection(but)
        for window in shut:
            if window not in self._loaded:
                del self._rows[window]

    def _take(self, rows: Iterable[WindowRow]) -> None:
        for row in rows:
            self._rows.setdefault(row.row_key[:2], {})[row.dimension, row.key] = _Tally(
                row.events, row.negative, row.neutral, row.positive, row.sentiment_sum_e4,
                row.anomalies, row.anomaly_max, row.errors, row.last_offset,
            )  # fmt: skip

    def _row(self, at: WindowAt, pair: Pair, tally: _Tally) -> WindowRow:
        (seconds, start_ms), (dimension, key) = at, pair
        return WindowRow(
            kind=self.kind, dimension=dimension, key=key, window_seconds=seconds, window_start_ms=start_ms,
            topic=self.topic, partition=self.partition, events=tally.events, negative=tally.negative,
            neutral=tally.neutral, positive=tally.positive, sentiment_sum_e4=tally.sentiment_sum_e4,
            anomalies=tally.anomalies, anomaly_max=tally.anomaly_max, errors=tally.errors,
            last_offset=tally.last_offset, watermark_ms=self.watermark_ms or 0,
        )  # fmt: skip


def mean_sentiment(row_sum_e4: int, counted: int) -> float | None:
    """Mean sentiment in -1..1 of `counted` events, or None of none."""
    return row_sum_e4 / E4 / counted if counted else None
