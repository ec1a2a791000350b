"""The ports without the outside, for tests and tries: they keep what they are given, in memory.

One contract suite runs on these and on the real adapters (tests/contract).
"""

import hashlib
from collections.abc import Collection, Sequence

from streams.core.event import Sample, Scored
from streams.core.message import Outgoing
from streams.core.window import RowKey, WindowAt, WindowRow, join
from streams.ports import Restored, Stretch
from streams.topology import Kind

Position = tuple[str, int, int]
UNCERTAIN = 0.5


class MemoryEventStore:
    """`ports.EventStore` in memory."""

    def __init__(self) -> None:
        self.events: dict[Position, Scored] = {}
        self.rows: dict[tuple[str, int, RowKey], WindowRow] = {}
        self.samples: dict[tuple[Position, str], Sample] = {}
        self._untold: set[tuple[Position, str]] = set()

    async def restore(self, kind: Kind, topic: str, partition: int, *, lateness_ms: int) -> Restored:
        """See `ports.EventStore`."""
        rows = self._rows(kind, topic, partition)
        if not rows:
            return Restored(None, ())
        watermark_ms = max(row.watermark_ms for row in rows)
        horizon_ms = watermark_ms - lateness_ms
        open_rows = [row for row in rows if row.window_start_ms + row.window_seconds * 1_000 > horizon_ms]
        sampled = [one.picked_for_ms for one in self.samples.values() if _of(one.scored, kind, topic, partition)]
        return Restored(watermark_ms, tuple(open_rows), max(sampled, default=None))

    async def rows_of(self, kind: Kind, topic: str, partition: int, windows: Collection[WindowAt]) -> list[WindowRow]:
        """See `ports.EventStore`."""
        return [row for row in self._rows(kind, topic, partition) if row.row_key[:2] in windows]

    async def write(self, events: Sequence[Scored], rows: Sequence[WindowRow]) -> None:
        """See `ports.EventStore`."""
        self.events |= {scored.event.position: scored for scored in events}
        for row in rows:
            at = (row.topic, row.partition, row.row_key)
            self.rows[at] = join(self.rows[at], row) if at in self.rows else row

    async def pick_samples(self, stretch: Stretch, *, size: int, share: float) -> list[Sample]:
        """See `ports.EventStore`."""
        picked: list[Sample] = []
        for start_ms in range(stretch.from_ms, stretch.to_ms, stretch.every_ms):
            end_ms = min(start_ms + stretch.every_ms, stretch.to_ms)
            inside = [one for one in self.events.values() if _within(one, stretch, start_ms, end_ms)]
            doubtful = [one for one in inside if one.findings.uncertainty > UNCERTAIN]
            doubtful.sort(key=lambda one: (-one.findings.uncertainty, one.event.offset))
            readable = sorted((one for one in inside if one.event.text), key=_dice)
            for reason, found in (("random", readable), ("uncertain", doubtful)):
                most = min(size, max(1, int(share * len(found))))
                picked += [Sample(reason, one, start_ms) for one in found[:most]]
        return picked

    async def untold_samples(self, stretch: Stretch) -> list[Sample]:
        """See `ports.EventStore`."""
        untold = [self.samples[at] for at in self._untold]
        return [one for one in untold if _of(one.scored, stretch.kind, stretch.topic, stretch.partition)]

    async def write_samples(self, samples: Sequence[Sample], *, told: bool) -> None:
        """See `ports.EventStore`."""
        written = {(sample.scored.event.position, sample.reason): sample for sample in samples}
        self.samples |= written
        self._untold = self._untold - written.keys() if told else self._untold | written.keys()

    def _rows(self, kind: Kind, topic: str, partition: int) -> list[WindowRow]:
        return [row for row in self.rows.values() if (row.kind, row.topic, row.partition) == (kind, topic, partition)]


class MemoryPublisher:
    """`ports.Publisher` in memory."""

    def __init__(self) -> None:
        self.messages: list[Outgoing] = []

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See `ports.Publisher`."""
        self.messages += messages

    def on(self, topic: str) -> list[Outgoing]:
        """What was published to a topic, in order."""
        return [message for message in self.messages if message.topic == topic]


def _within(scored: Scored, stretch: Stretch, start_ms: int, end_ms: int) -> bool:
    here = _of(scored, stretch.kind, stretch.topic, stretch.partition)
    return here and start_ms <= scored.event.event_time_ms < end_ms


def _of(scored: Scored, kind: Kind, topic: str, partition: int) -> bool:
    event = scored.event
    return (event.kind, event.topic, event.partition) == (kind, topic, partition)


def _dice(scored: Scored) -> bytes:
    return hashlib.blake2b(repr(scored.event.position).encode(), digest_size=8).digest()
