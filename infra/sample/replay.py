"""Plays the sample as three live streams. Its hour ends at the last full minute: windows hold whole incidents."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from infra.sample.generate import MINUTES, SampleEvent, sample_events
from infra.sample.real import real_events
from streams.ingest.item import Item
from streams.ingest.pace import Pace
from streams.ingest.pump import pump
from streams.ingest.run import Reads
from streams.ingest.sender import Sender, producing
from streams.ingest.tally import Tally
from streams.ingest.times import rfc3339
from streams.settings import Kafka
from streams.topology import KINDS, RAW, Kind

MINUTE_MS: Final = 60_000
TELL_EVERY_S: Final = 0.2

OnSent = Callable[[Kind, int], None]


class Counts(msgspec.Struct, frozen=True):
    """What was sent, and acknowledged, of each kind."""

    news: int
    logs: int
    user: int
    start_ms: int  # the event time at which the hour starts

    @property
    def total(self) -> int:
        return self.news + self.logs + self.user


async def replay(kafka: Kafka, *, speed: float, on_sent: OnSent, real: Path | None = None) -> Counts:
    """Send the hour at `speed` times real time (0: as fast as possible), with real events from the folder `real`.

    Raises:
        BrokerAway: the broker is not there, or went away.
    """
    hour = await whole_hour(real)
    start_ms = hour_start(time.time_ns() // 1_000_000)
    async with producing(kafka) as producer:
        start_s = time.monotonic()
        sent: dict[Kind, asyncio.Task[int]] = {}
        for kind in KINDS:
            tally = Tally()
            sender = Sender(producer, topic=RAW[kind], tally=tally)
            pace = Pace(speed=speed, origin=(start_ms, start_s))
            items, teller = _items(hour[kind], start_ms=start_ms), _Teller(kind, tally, on_sent)
            sent[kind] = asyncio.create_task(_play(items, sender, pace=pace, tally=tally, teller=teller))
        try:
            await asyncio.gather(*sent.values())
        finally:
            for task in sent.values():
                task.cancel()
        return Counts(**{kind: task.result() for kind, task in sent.items()}, start_ms=start_ms)


async def whole_hour(real: Path | None) -> dict[Kind, list[SampleEvent]]:
    """The sample's events, and the real ones where there is a folder of them, each stream in order of time."""
    hour = sample_events()
    if real is not None:
        for kind, events in (await real_events(real)).items():
            hour[kind] = sorted((*hour[kind], *events), key=lambda event: event.at_ms)
    return hour


def hour_start(now_ms: int) -> int:
    """When the hour has to start to end at the last full minute."""
    return now_ms - now_ms % MINUTE_MS - MINUTES * MINUTE_MS


def item_of(event: SampleEvent, *, start_ms: int) -> Item:
    """The message of an event in an hour that starts then."""
    time_ms = start_ms + event.at_ms
    return Item(msgspec.json.encode({"ts": rfc3339(time_ms), **event.row}), event.key.encode(), time_ms)


class _Teller:
    """Tells how many more of a kind were acknowledged."""

    def __init__(self, kind: Kind, tally: Tally, on_sent: OnSent) -> None:
        self._kind: Kind = kind
        self._tally = tally
        self._on_sent = on_sent
        self._told = 0

    def tell(self) -> None:
        if more := self._tally.sent - self._told:
            self._told += more
            self._on_sent(self._kind, more)

    async def keep_telling(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self.tell()


async def _play(items: Reads, sender: Sender, *, pace: Pace, tally: Tally, teller: _Teller) -> int:
    telling = asyncio.create_task(teller.keep_telling())
    try:
        await pump(items, sender, pace=pace, tally=tally, stop=asyncio.Event())
    finally:
        telling.cancel()
    teller.tell()
    return tally.sent


async def _items(events: list[SampleEvent], *, start_ms: int) -> Reads:
    for event in events:
        yield item_of(event, start_ms=start_ms)
