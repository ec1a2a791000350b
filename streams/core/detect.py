"""Detects incidents in the series of one partition of the topic `windows`.

1. A window is judged once the log says that it is complete, or when all that write to it are silent (see `closing`),
   each series by itself, each rule by itself, in the order of windows.
2. A verdict is a function of the series' rows in the last two times `history` windows and of its latest incident. So a
   detector that takes up rows and alerts from the store goes on as the one before it would have.
3. Rows may come repeatedly and in any order. A row for a window that the log had not completed has it judged again; a
   later one corrects the past, and can make the alert of its window worse, but starts no new one.
4. A series is known from its first row, or from `adopt`; it is forgotten when nothing is left to remember.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from streams.core.alert import Alert, fingerprint_of
from streams.core.closing import BEGINNING, Closing
from streams.core.incident import Track
from streams.core.rules import WATCH, Limits, Rule
from streams.core.series import Series
from streams.core.timeline import Timeline
from streams.core.window import WindowRow, start_of
from streams.topology import KINDS, RAW, Kind

WATERMARK: Final = "watermark"  # the dimension of ticks
LOOK_BACK: Final = 5  # windows that are judged again when a detector starts: those before it may not have been told of


class Detection(msgspec.Struct, frozen=True):
    """What of the settings shapes alerts."""

    seconds: int = 60
    lateness_ms: int = 60_000
    idle_after_ms: int = 10_000
    partitions: int = 4  # of each raw topic
    limits: Limits = Limits()


class _Watched(msgspec.Struct):
    """A series under watch."""

    timeline: Timeline
    tracks: list[Track]
    late: frozenset[int] = frozenset()  # one for all that have none


class Detector:
    """See the head of this file."""

    def __init__(self, detection: Detection) -> None:
        self._is = detection
        self._step_ms = detection.seconds * 1_000
        self._reach_ms = 2 * detection.limits.history * self._step_ms
        self._series: dict[Series, _Watched] = {}
        self._touched: set[Series] = set()
        self._closing = {
            kind: Closing(
                [(RAW[kind], partition) for partition in range(detection.partitions)],
                seconds=detection.seconds,
                lateness_ms=detection.lateness_ms,
                idle_after_ms=detection.idle_after_ms,
            )
            for kind in KINDS
        }

    def __len__(self) -> int:
        return len(self._series)

    def __contains__(self, series: Series) -> bool:
        return series in self._series

    def watches(self, row: WindowRow) -> bool:
        """Whether any rule looks at rows like this one."""
        return row.window_seconds == self._is.seconds and (row.kind, row.dimension) in WATCH

    def judges_from(self, watermark_ms: int) -> int:
        """The first window to judge for one who starts where the least watermark is this one."""
        return start_of(watermark_ms - self._is.lateness_ms, self._is.seconds) - LOOK_BACK * self._step_ms

    def settled_from(self, kind: Kind) -> int:
        """The first window of the kind that is not settled: what comes for one before it is late."""
        return start_of(self._closing[kind].settled_ms, self._is.seconds)

    def remembers_from(self, first_ms: int) -> int:
        """The earliest window that matters to the judgement of this one and the later ones."""
        return first_ms - self._reach_ms

    def begin(self, kind: Kind, first_ms: int) -> None:
        """Windows of the kind that end by then were judged by whoever was here before."""
        self._closing[kind].begin(first_ms)

    def adopt(self, series: Series, *, rows: Iterable[WindowRow], alerts: Iterable[Alert], first_ms: int) -> None:
        """Know a series: its stored rows, the latest alert of each of its rules, the first window to judge."""
        tracks = [
            Track(rule, series, seconds=self._is.seconds, limits=self._is.limits, next_ms=first_ms)
            for rule in WATCH[series.kind, series.dimension]
        ]
        if told := {alert.fingerprint: alert for alert in alerts}:
            for track in tracks:
                if alert := told.get(track.fingerprint):
                    track.take_up(alert)
        watched = _Watched(Timeline(self._is.seconds), tracks)
        for row in rows:
            watched.timeline.take(row)
        self._series[series] = watched
        self._touched.add(series)

    def take(self, rows: Iterable[WindowRow]) -> None:
        """Rows as the topic brings them, ticks among them. Rows of series that are not known start one."""
        for row in rows:
            closing = self._closing[row.kind]
            if row.dimension == WATERMARK:
                closing.watermark((row.topic, row.partition), row.watermark_ms)
                first_ms = self.judges_from(row.watermark_ms)
                if closing.begin_earlier(first_ms):
                    self._go_back(row.kind, first_ms)
                continue
            closing.row((row.topic, row.partition), row.watermark_ms)
            if self.watches(row):
                self._take(row, closing)

    def tick(self, now_ms: int) -> None:
        """The clock has moved on; it decides who is idle and nothing else."""
        for closing in self._closing.values():
            closing.tick(now_ms)

    def judge(self) -> list[Alert]:
        """Judge what is due; returns what is to be told, in order."""
        touched, self._touched = self._touched, set()
        alerts: list[Alert] = []
        for kind, closing in self._closing.items():
            before = closing.settled_ms, closing.closed_ms, closing.ended_ms
            closing.advance()
            moved = before != (closing.settled_ms, closing.closed_ms, closing.ended_ms)
            due = self._series if moved else touched
            for series in [series for series in due if series.kind == kind and series in self._series]:
                alerts += self._judge(self._series[series], closing)
                self._tidy(series)
        return sorted(alerts, key=lambda alert: (alert.window.start, alert.fingerprint, alert.revision))

    def _take(self, row: WindowRow, closing: Closing) -> None:
        series, start_ms = Series.of(row), row.window_start_ms
        if series not in self._series:
            self.adopt(series, rows=(), alerts=(), first_ms=start_ms)
        watched = self._series[series]
        if not watched.timeline.take(row):
            return
        self._touched.add(series)
        if start_ms + self._step_ms <= closing.settled_ms:
            watched.late |= {start_ms}
            return
        for track in watched.tracks:
            track.next_ms = min(track.next_ms, start_ms)

    def _judge(self, watched: _Watched, closing: Closing) -> list[Alert]:
        alerts: list[Alert] = []
        late, watched.late = sorted(watched.late), frozenset()
        for track in watched.tracks:
            for start_ms in late:
                if track.covers(start_ms) and start_ms < track.next_ms:
                    alerts += self._verdict(watched.timeline, track, start_ms, only_bad=True)
            until_ms = start_of(_until(closing, track.rule), self._is.seconds)
            while track.next_ms < until_ms:
                if not track.covers(track.next_ms):  # windows without rows that cannot be bad are not walked through
                    reach_ms = self._reach_ms if track.rule.patient else 0
                    track.next_ms = watched.timeline.skip(track.next_ms, reach_ms=reach_ms, to_ms=until_ms)
                if track.next_ms < until_ms:
                    alerts += self._verdict(watched.timeline, track, track.next_ms)
                    track.next_ms += self._step_ms
        return alerts

    def _verdict(self, timeline: Timeline, track: Track, start_ms: int, *, only_bad: bool = False) -> Sequence[Alert]:
        limits, rule = self._is.limits, track.rule
        now, breach = timeline.at(start_ms), None
        if rule.worth(now, limits):
            past = timeline.past(start_ms, windows=limits.history, without=track.doubtful_windows())
            if len(past) < limits.min_history:  # a long cool-down, or a short past: better than not to judge at all
                past = timeline.past(start_ms, windows=limits.history, without=track.bad_windows())
            if len(past) >= limits.min_history:
                breach = rule.judge(now, past, limits)
        if breach is None and only_bad:
            return ()
        alert = track.judged(start_ms, breach)
        return () if alert is None else (alert,)

    def _go_back(self, kind: Kind, first_ms: int) -> None:
        for series, watched in self._series.items():
            if series.kind == kind:
                for track in watched.tracks:
                    track.go_back(first_ms)

    def _tidy(self, series: Series) -> None:
        watched = self._series[series]
        first_ms = min(track.next_ms for track in watched.tracks)
        watched.timeline.forget_before(self.remembers_from(first_ms))
        if not len(watched.timeline) and not any(track.covers(first_ms) for track in watched.tracks):
            del self._series[series]


def _until(closing: Closing, rule: Rule) -> int:
    """Up to when the rule may judge."""
    if rule.patient:
        return closing.settled_ms
    return closing.ended_ms if rule.whole else closing.closed_ms


def fingerprints(series: Series) -> list[str]:
    """Of every alert that this series can raise."""
    rules = WATCH.get((series.kind, series.dimension), ())
    return [fingerprint_of(rule.name, series.kind, series.dimension, series.key) for rule in rules]


__all__ = ["BEGINNING", "LOOK_BACK", "WATERMARK", "Detection", "Detector", "fingerprints"]
