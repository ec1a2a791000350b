"""The hop of an event: decode, classify, fold into windows, store, publish. What `flush` returned from is safe to
acknowledge.

1. `prepare` fetches everything before it folds anything, so that a failure leaves no trace; `flush` may be repeated:
   storing replaces, published messages carry their identity. A batch may be prepared while the one before is flushed.
2. State belongs to a generation of the assignment. A new generation finds it rebuilt from the store.
3. Per partition, records come in offset order without holes, which is what makes rows exact.
4. What a crash between storing and publishing left unsaid is said again: the first batch after a restore sends a tick
   and picks samples from the stretch before.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import msgspec

from models.reading import Reading
from streams import faults
from streams.adapters import metrics
from streams.agents.carry import Patiently
from streams.core.codec import encode_window
from streams.core.decode import Decoder
from streams.core.dlq_limit import DlqLimit, LetterCount
from streams.core.event import Event, Findings, Record, Rejected, Sample, Scored
from streams.core.findings import findings_of, text_to_read
from streams.core.message import Outgoing, dead_letter, encode_sample, encode_scored, fitting, shortened
from streams.core.window import PartitionWindows, WindowAt, WindowRow
from streams.errors import BrokerRefused
from streams.ports import EventStore, Publisher, Reader, Stretch
from streams.topology import DLQ, SAMPLES, SCORED, WINDOWS, At, Kind

Stop = Callable[[str], Awaitable[None]]
LOOK_BACK = 24  # pieces of event time that a new worker looks at, whether they were sampled
BEHIND_MS = 60_000  # a batch whose newest event came so long ago catches up, and leaves the others the way to the model


class Shape(msgspec.Struct, frozen=True):
    """What of the settings shapes the answers."""

    sizes: tuple[int, ...] = (60, 3600)
    lateness_ms: int = 60_000
    tick_ms: int = 60_000
    sample_every_ms: int = 3_600_000
    sample_size: int = 20
    sample_share: float = 0.05
    window_partitions: int = 4
    dlq_limit: DlqLimit = DlqLimit()


class Flush(msgspec.Struct):
    """A batch, ready to be stored and published."""

    scored: list[Scored]
    keys: list[bytes | None]  # of the records of `scored`
    rejected: list[tuple[Record, Rejected]]
    rows: list[WindowRow] = []
    ticks: list[WindowRow] = []
    stretches: list[Stretch] = []
    touched: dict[At, set[WindowAt]] = {}  # the windows of `rows`


class EventHop:
    """Everything between a raw topic and its acknowledgement, for one kind of event."""

    def __init__(
        self, *, kind: Kind, decoder: Decoder, reader: Reader, store: EventStore, publisher: Publisher, shape: Shape,
        stop: Stop,
    ) -> None:  # fmt: skip
        """`stop` ends the process: it is told why, and does not return."""
        self._kind: Kind = kind
        self._decoder = decoder
        self._reader = reader
        self._store = store
        self._publisher = publisher
        self._shape = shape
        self._stop = stop
        self._letters = LetterCount(shape.dlq_limit)
        self._generation = -1
        self._partitions: dict[At, PartitionWindows] = {}
        self._restored: dict[At, int | None] = {}  # and nothing folded yet: how far each is sampled
        self._in_air: list[Flush] = []  # prepared, and not known to be flushed

    async def process(self, records: Sequence[Record], *, generation: int, patiently: Patiently) -> None:
        """Take records to where they can be acknowledged."""
        flush = await patiently(lambda: self.prepare(records, generation=generation))
        await patiently(lambda: self.flush(flush))

    async def prepare(self, records: Sequence[Record], *, generation: int) -> Flush:
        """Read and count records.

        Raises:
            Unreachable: a transport is away and nothing was counted; call again with the same records.
        """
        if generation != self._generation:
            faults.at("rebalance")
            self.forget()
            self._generation = generation
        faults.at("decode.before")
        decoded = [(record, self._decoder.decode(record)) for record in records]
        faults.at("decode.after")
        flush = Flush(
            scored=await self._classify([event for _, event in decoded if isinstance(event, Event)]),
            keys=[record.key for record, event in decoded if isinstance(event, Event)],
            rejected=[(record, bad) for record, bad in decoded if isinstance(bad, Rejected)],
        )
        by_partition: dict[At, list[Scored]] = {}
        for one in flush.scored:
            by_partition.setdefault((one.event.topic, one.event.partition), []).append(one)
        self._forget_closed()
        for at, scored in by_partition.items():
            await self._fetch(at, scored)
        for at, scored in by_partition.items():
            self._fold(self._partitions[at], scored, flush)
        self._in_air.append(flush)
        return flush

    async def flush(self, flush: Flush) -> None:
        """Store, then publish; or stop, where that would be too many dead letters.

        Raises:
            Unreachable: a transport is away; call again with the same flush.
        """
        events = len(flush.scored) + len(flush.rejected)
        await self._within_limit(events, flush.rejected)
        started = time.perf_counter()
        faults.at("counted")
        await self._store.write(flush.scored, flush.rows)
        faults.at("stored")
        samples = await self._pick(flush.stretches)
        await self._publisher.publish(list(self._messages(flush, samples)))
        await self._store.write_samples(samples, told=True)
        self._in_air = [one for one in self._in_air if one is not flush]
        self._letters.add(events, len(flush.rejected))
        metrics.FLUSH_SECONDS.observe(time.perf_counter() - started)
        self._count(flush)

    def forget(self) -> None:
        """Let go of all state; it is rebuilt from the store."""
        self._partitions.clear()
        self._restored.clear()
        self._in_air.clear()

    async def bury(self, record: Record, reason: Rejected) -> None:
        """Send one record that cannot be processed to the dead-letter topic, or, if it is too large, its beginning."""
        await self._within_limit(1, [(record, reason)])
        letter = dead_letter(record, reason, topic=DLQ[record.topic], at_ms=time.time_ns() // 1_000_000)
        try:
            await self._publisher.publish([letter])
        except BrokerRefused:
            await self._publisher.publish([shortened(letter)])
        self._letters.add(1, 1)
        self._count(Flush(scored=[], keys=[], rejected=[(record, reason)]))

    async def close(self) -> None:
        """Pick samples from the stretches that are still running; whoever goes on picks from all of them again.

        Whole stretches, not what is known here of them: a partition may be another's by now, who has stored more.
        """
        faults.at("shutdown")
        every = self._shape.sample_every_ms
        running = [
            self._stretch(windows, from_ms=windows.watermark_ms, to_ms=windows.watermark_ms // every * every + every)
            for windows in self._partitions.values()
            if windows.watermark_ms is not None
        ]
        samples = await self._pick(running)
        await self._publisher.publish([_sample_message(sample) for sample in samples])
        await self._store.write_samples(samples, told=True)

    async def _within_limit(self, events: int, rejected: Sequence[tuple[Record, Rejected]]) -> None:
        if self._letters.too_many(events, len(rejected)):
            record, bad = rejected[-1]
            await self._stop(self._letters.wording(record.topic, code=bad.code))

    async def _classify(self, events: Sequence[Event]) -> list[Scored]:
        texts = list(dict.fromkeys(text for event in events if (text := text_to_read(event))))
        readings: dict[str, Reading] = {}
        if texts:
            started = time.perf_counter()
            newest_ms = max(event.ingested_ms for event in events)
            behind = time.time_ns() // 1_000_000 - newest_ms > BEHIND_MS
            readings = dict(zip(texts, await self._reader.read(texts, behind=behind), strict=True))
            metrics.INFERENCE_SECONDS.observe(time.perf_counter() - started)
            metrics.BATCH_TOKENS.observe(sum(reading.tokens for reading in readings.values()))
        reader = self._reader
        findings = partial(findings_of, heads=reader.heads, labels=reader.labels, sure=reader.sure, model=reader.name)
        found: dict[str, Findings] = {}  # equal texts of one kind say the same
        scored = []
        for event in events:
            text = text_to_read(event)
            if text not in found:
                found[text] = findings(event, readings.get(text))
            scored.append(Scored(event, found[text]))
        return scored

    async def _fetch(self, at: At, scored: Sequence[Scored]) -> None:
        """Have in memory every row that these events may change."""
        windows = self._partitions.get(at)
        if windows is None:
            lateness_ms = self._shape.lateness_ms
            restored = await self._store.restore(self._kind, *at, lateness_ms=lateness_ms)
            faults.at("restore")
            windows = PartitionWindows(
                kind=self._kind, topic=at[0], partition=at[1], sizes=self._shape.sizes, lateness_ms=lateness_ms
            )
            windows.restore(restored.watermark_ms, restored.rows)
            self._partitions[at] = windows
            self._restored[at] = restored.sampled_ms
        if missing := windows.missing(one.event.event_time_ms for one in scored):
            windows.load(missing, await self._store.rows_of(self._kind, *at, missing))

    def _forget_closed(self) -> None:
        """Let go of closed windows, but for those that the store does not hold as they are here."""
        for at, windows in self._partitions.items():
            windows.forget_closed(but={window for flush in self._in_air for window in flush.touched.get(at, ())})

    def _fold(self, windows: PartitionWindows, scored: Sequence[Scored], flush: Flush) -> None:
        at = (windows.topic, windows.partition)
        before, fresh = windows.watermark_ms, at in self._restored
        sampled_ms = self._restored.pop(at, None)
        rows = windows.fold(scored)
        flush.rows += rows
        flush.touched[at] = {(row.window_seconds, row.window_start_ms) for row in rows}
        after = windows.watermark_ms or 0
        if before is None or fresh or _entered(before, after, self._shape.tick_ms):
            last_offset = scored[-1].event.offset
            flush.ticks.append(windows.tick(every_ms=self._shape.tick_ms, last_offset=last_offset))
        every = self._shape.sample_every_ms
        if before is not None and (fresh or _entered(before, after, every)):
            from_ms = self._unsampled_from(before, sampled_ms) if fresh else before
            flush.stretches.append(self._stretch(windows, from_ms=max(0, from_ms), to_ms=after - after % every))

    def _unsampled_from(self, watermark_ms: int, sampled_ms: int | None) -> int:
        """Who stored events and then died may have left several pieces of event time at once, and sampled none."""
        every = self._shape.sample_every_ms
        return max(min(sampled_ms or 0, watermark_ms - every), watermark_ms - LOOK_BACK * every)

    def _stretch(self, windows: PartitionWindows, *, from_ms: int, to_ms: int) -> Stretch:
        every = self._shape.sample_every_ms
        return Stretch(
            kind=self._kind, topic=windows.topic, partition=windows.partition,
            from_ms=from_ms - from_ms % every, to_ms=to_ms, every_ms=every,
        )  # fmt: skip

    async def _pick(self, stretches: Sequence[Stretch]) -> list[Sample]:
        """Store a pick of each; returns it with what was picked before and is still to be told.

        A pick that was stored and not told, as its worker died, would never be: late events make the next another one.
        """
        untold: list[Sample] = []
        picked: list[Sample] = []
        for stretch in stretches:
            untold += await self._store.untold_samples(stretch)
            picked += await self._store.pick_samples(
                stretch, size=self._shape.sample_size, share=self._shape.sample_share
            )
        faults.at("samples.insert")
        await self._store.write_samples(picked, told=False)
        return list({(one.scored.event.position, one.reason): one for one in (*untold, *picked)}.values())

    def _messages(self, flush: Flush, samples: Sequence[Sample]) -> Iterable[Outgoing]:
        at_ms = time.time_ns() // 1_000_000
        for record, bad in flush.rejected:
            yield fitting(dead_letter(record, bad, topic=DLQ[record.topic], at_ms=at_ms))
        for one, key in zip(flush.scored, flush.keys, strict=True):
            yield Outgoing(SCORED[self._kind], key, encode_scored(one))
        for row in flush.rows:
            yield Outgoing(WINDOWS, _row_key(row), encode_window(row))
        for tick in flush.ticks:  # after the rows that it closes, and to all who watch series
            for partition in range(self._shape.window_partitions):
                yield Outgoing(WINDOWS, _row_key(tick), encode_window(tick), partition=partition)
        yield from map(_sample_message, samples)

    def _count(self, flush: Flush) -> None:
        now_ms = time.time() * 1_000
        metrics.EVENTS.labels(self._kind, "stored").inc(len(flush.scored))
        for one in flush.scored:
            metrics.EVENT_SECONDS.observe(max(0.0, now_ms - one.event.ingested_ms) / 1_000)
        metrics.EVENTS.labels(self._kind, "rejected").inc(len(flush.rejected))
        for record, bad in flush.rejected:
            metrics.DLQ.labels(record.topic, bad.code).inc()


def _entered(before_ms: int, after_ms: int, every_ms: int) -> bool:
    """Whether event time entered a new stretch of `every_ms`."""
    return after_ms // every_ms != before_ms // every_ms


def _row_key(row: WindowRow) -> bytes:
    return f"{row.kind}|{row.dimension}|{row.key}".encode()


def _sample_message(sample: Sample) -> Outgoing:
    return Outgoing(SAMPLES, sample.scored.event.event_id.encode(), encode_sample(sample))
