"""The hop of a window row: merge, detect, tell. What `process` returned from is safe to acknowledge.

1. Each partition of `windows` has a detector of its own: its ticks come after the rows that they close, in this
   partition and in no other.
2. A detector starts from the store: the series that live in its partition, silent ones too, and their latest alerts.
   Everything is fetched before anything is taken, so that a failure leaves no trace.
3. What is to be told goes to the table, to the topic, and is marked in the table as told. After a crash in between the
   next detector finds it there unmarked and tells it, as it was. Were the topic first, it would be judged again, and
   what had come late meanwhile could lead to another alert: the topic would have one that the table lacks.
4. Before anything is told, the broker is asked whether its partition is ours still. A process that stood still while
   another took its partitions over has half of the last windows, and a clock that says they are closed.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from streams import faults
from streams.adapters import metrics
from streams.adapters.placing import placing
from streams.agents.carry import Patiently
from streams.core.alert import Alert, encode_alert
from streams.core.codec import decode_window
from streams.core.detect import Detection, Detector, fingerprints
from streams.core.event import Record, Rejected
from streams.core.message import Outgoing
from streams.core.rules import WATCH, Limits
from streams.core.series import Series
from streams.core.window import WindowRow, start_of
from streams.errors import StoreRefused
from streams.ports import AlertStore, Publisher
from streams.settings import Settings
from streams.topology import ALERTS, KINDS, WINDOWS, At, Kind

EVIDENCE: int = 3  # events behind an alert
BACKLOG_MS: int = 86_400_000  # a detector that starts judges rows of its first batch that are so much older

log = logging.getLogger(__name__)


class _Share(msgspec.Struct):
    """One partition of `windows`."""

    detector: Detector
    generation: int  # of the assignment that it was made in
    begun: set[Kind] = msgspec.field(default_factory=set)
    outbox: list[Alert] = msgspec.field(default_factory=list)


class _Wanted(msgspec.Struct, frozen=True):
    """Series that a detector does not know yet, with the first window to judge of each."""

    begin: dict[Kind, int]
    first_ms: dict[Series, int]
    untold: list[Alert]


class Tenure(Protocol):
    """Whether this process is the one that may speak for a partition."""

    async def holds(self, at: At, *, generation: int) -> bool:
        """True if the group's coordinator says so, now; False if this generation is over.

        Raises:
            BrokerAway: it is not to be known yet; ask again.
        """


class AlertHop:
    """Everything between the topic `windows` and its acknowledgement."""

    def __init__(self, *, store: AlertStore, publisher: Publisher, tenure: Tenure, settings: Settings) -> None:
        self._store = store
        self._tenure = tenure
        self._publisher = publisher
        self._detection = detection_of(settings)
        self._partition_of: Callable[[bytes], int] = placing(settings.partitions)
        self._shares: dict[int, _Share] = {}
        self._generation = -1
        self._lock = asyncio.Lock()  # the clock ticks beside the records

    async def process(self, records: Sequence[Record], *, generation: int, patiently: Patiently) -> None:
        """Return once everything that these records lead to is published and stored."""
        await patiently(lambda: self._process(records, generation=generation))

    async def tick(self, now_ms: int) -> None:
        """The clock has moved on: call it every second or so. It closes windows of partitions that fell silent.

        Raises:
            Unreachable: a transport is away; what was to be told is told by the next call.
        """
        async with self._lock:
            for partition, share in list(self._shares.items()):
                share.detector.tick(now_ms)
                share.outbox += share.detector.judge()
                await self._tell(partition, share)

    def forget(self) -> None:
        """Let go of all state; it is rebuilt from the store."""
        self._shares.clear()

    async def bury(self, record: Record, reason: Rejected) -> None:
        """Leave a record out. Nothing is lost: its row is in the store, from where the next detector takes it."""

    async def _process(self, records: Sequence[Record], *, generation: int) -> None:
        async with self._lock:
            if generation != self._generation:  # not while the clock tells what was judged in the one before
                self.forget()
                self._generation = generation
            for partition, rows in _by_partition(records).items():
                share = self._shares.get(partition) or _Share(Detector(self._detection), generation)
                await self._get_to_know(partition, share, rows)
                self._shares[partition] = share
                share.detector.take(rows)
                share.outbox += share.detector.judge()
                await self._tell(partition, share)

    async def _get_to_know(self, partition: int, share: _Share, rows: Sequence[WindowRow]) -> None:
        detector = share.detector
        wanted = await self._wanted(partition, share, rows)
        if wanted.first_ms:
            stored = await self._history(detector, wanted)
            told = await self._store.latest([name for one in wanted.first_ms for name in fingerprints(one)])
            for one, first_ms in wanted.first_ms.items():
                alerts = [told[name] for name in fingerprints(one) if name in told]
                detector.adopt(one, rows=stored.get(one, ()), alerts=alerts, first_ms=first_ms)
        share.outbox += wanted.untold
        for kind, first_ms in wanted.begin.items():
            detector.begin(kind, first_ms)
            share.begun.add(kind)

    async def _history(self, detector: Detector, wanted: _Wanted) -> dict[Series, list[WindowRow]]:
        """The stored rows of each. One that came with an old row does not have all of them read that far back."""
        groups: dict[tuple[Kind, bool], list[Series]] = {}
        for series, first_ms in wanted.first_ms.items():
            old = first_ms < wanted.begin.get(series.kind, first_ms)
            groups.setdefault((series.kind, old), []).append(series)
        stored: dict[Series, list[WindowRow]] = {}
        for some in groups.values():
            since_ms = detector.remembers_from(min(wanted.first_ms[one] for one in some))
            stored |= await self._store.history(some, seconds=self._detection.seconds, since_ms=since_ms)
        return stored

    async def _wanted(self, partition: int, share: _Share, rows: Sequence[WindowRow]) -> _Wanted:
        detector = share.detector
        begin: dict[Kind, int] = {}
        first_ms: dict[Series, int] = {}
        untold: list[Alert] = []
        for kind in KINDS:
            mine = [row for row in rows if row.kind == kind]
            least_ms = detector.settled_from(kind)
            if mine and kind not in share.begun:
                begin[kind] = detector.judges_from(min(row.watermark_ms for row in mine))
                least_ms = start_of(begin[kind] - BACKLOG_MS, self._detection.seconds)
                for series in await self._living(kind, since_ms=detector.remembers_from(begin[kind])):
                    if self._lives_in(partition, series):
                        first_ms[series] = begin[kind]
                untold += [
                    alert
                    for alert in await self._store.untold(kind)
                    if self._lives_in(partition, Series(kind, alert.labels["dimension"], alert.labels["key"]))
                ]
            for row in mine:
                series = Series.of(row)
                if detector.watches(row) and series not in detector:
                    start_ms = max(row.window_start_ms, least_ms)
                    first_ms[series] = min(first_ms.get(series, start_ms), start_ms)
        return _Wanted(begin, first_ms, untold)

    def _lives_in(self, partition: int, series: Series) -> bool:
        return self._partition_of(str(series).encode()) == partition

    async def _living(self, kind: Kind, *, since_ms: int) -> list[Series]:
        dimensions = [dimension for of, dimension in sorted(WATCH) if of == kind]
        active = await self._store.active(kind, dimensions, seconds=self._detection.seconds, since_ms=since_ms)
        # One that fell silent while it fired would never be resolved, were it forgotten with its rows
        return sorted({*active, *await self._store.firing(kind)})

    async def _tell(self, partition: int, share: _Share) -> None:
        if not share.outbox:
            return
        alerts = [await self._with_evidence(alert) for alert in share.outbox]
        faults.at("alerts.insert")
        # Last of all, for a standstill in between would make it worthless. Once they are in the table they stand.
        if not await self._tenure.holds((WINDOWS, partition), generation=share.generation):
            self._shares.pop(partition, None)  # whoever has it now begins from the store, and so do we if it comes back
            return
        await self._store.write(alerts, told=False)
        faults.at("alerts.publish")
        await self._publisher.publish([Outgoing(ALERTS, one.fingerprint.encode(), encode_alert(one)) for one in alerts])
        faults.at("alerts.mark")
        await self._store.write(alerts, told=True)
        share.outbox.clear()
        for alert in alerts:
            metrics.ALERTS.labels(alert.rule, alert.status).inc()

    async def _with_evidence(self, alert: Alert) -> Alert:
        try:
            evidence = await self._store.evidence(alert, size=EVIDENCE)
        except StoreRefused as error:
            log.warning("alert %s goes without evidence: %s", alert.id, error)
            return alert
        return msgspec.structs.replace(alert, evidence=tuple(evidence))


def detection_of(settings: Settings) -> Detection:
    """What of the settings shapes alerts."""
    return Detection(
        seconds=settings.alert_window_seconds,
        lateness_ms=settings.lateness_ms,
        idle_after_ms=settings.idle_after_ms,
        partitions=settings.partitions,
        limits=Limits(history=settings.alert_history, cooldown_ms=settings.cooldown_ms),
    )


def _by_partition(records: Sequence[Record]) -> dict[int, list[WindowRow]]:
    """The rows of each partition, in order; what is no row is left out."""
    rows: dict[int, list[WindowRow]] = {}
    for record in records:
        if row := decode_window(record.value):
            rows.setdefault(record.partition, []).append(row)
    return rows
