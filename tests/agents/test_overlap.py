"""One batch is prepared while the one before is flushed, and whatever fails, it is as if they had come one by one."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fake import FakeClassifier
from streams.adapters.reader import ThreadedReader
from streams.agents.events import EventHop, Shape
from streams.agents.intake import Intake
from streams.agents.overlap import Overlapping
from streams.core.decode import Decoder
from streams.core.entities import WatchList
from streams.core.event import Record
from streams.errors import BrokerAway, StoreAway, StoreRefused
from tests.agents.test_events import QUICK, Flaky, World, news, stop

POISON = "cannot be stored"


async def carry_all(carrier, batches, *, generations=()):
    """Bring the batches one after the other, each to be taken whole; what was done, in that order."""
    done, all_done, now = [], asyncio.Event(), [1]
    intake = Intake(generation=lambda: now[0], most=1_000, within_s=0.0)
    coming = iter(batches)
    told = iter(generations)

    async def take(size):
        if (records := next(coming, None)) is None:
            await asyncio.Event().wait()
        now[0] = next(told, now[0])
        await intake.put(records, generation=now[0])
        return await Intake.take(intake, size)

    def finish(batch):
        done.extend(batch.records)
        if len(done) == sum(map(len, batches)):
            all_done.set()

    intake.take = take
    running = asyncio.create_task(carrier.run(intake, finish))
    waiting = asyncio.create_task(all_done.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert not carrier.busy
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return done


class Strict:
    """A store that refuses what holds a poisoned event."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def write(self, events, rows):
        if any(POISON in one.event.text for one in events):
            raise StoreRefused(POISON)
        await self._store.write(events, rows)


def worker(world, faults=()):
    plan = iter(faults)
    hop = EventHop(
        kind="news",
        decoder=Decoder(max_bytes=100_000, watch=WatchList([])),
        reader=ThreadedReader(FakeClassifier()),
        store=Flaky(Strict(world.store), StoreAway, plan),
        publisher=Flaky(world.publisher, BrokerAway, plan),
        shape=Shape(lateness_ms=2_000),
        stop=stop,
    )
    return Overlapping("news", hop, backoff=QUICK)


@settings(max_examples=120, deadline=None)
@given(st.data())
async def test_every_event_counts_once_whatever_fails(data):
    """Late events that load closed windows, transports that fail at any call, events that no store takes."""
    world = World()
    shifts = data.draw(st.lists(st.integers(0, 400), min_size=12, max_size=12), label="seconds")
    poisoned = data.draw(st.sets(st.integers(0, 11), max_size=2), label="poison")
    log = [
        news(i // 2, partition=i % 2, at_s=shift, title=f"{POISON} {i}" if i in poisoned else None)
        for i, shift in enumerate(shifts)
    ]
    cuts = sorted(data.draw(st.sets(st.integers(1, 11)), label="batch ends"))
    batches = [log[start:end] for start, end in zip([0, *cuts], [*cuts, 12], strict=True)]
    faults = data.draw(st.lists(st.sampled_from([None, None, "before", "after"]), max_size=30), label="faults")
    assert await carry_all(worker(world, faults), batches) == log
    kept = {(r.topic, r.partition, r.offset) for i, r in enumerate(log) if i not in poisoned}
    assert set(world.store.events) == kept
    alls = {key: row for key, row in world.store.rows.items() if key[2][2] == "all"}
    for seconds in (60, 3600):
        assert sum(row.events for key, row in alls.items() if key[2][0] == seconds) == len(kept)
    assert len({one.value for one in world.publisher.on("news.raw.dlq")}) == len(poisoned)  # some said again


class Stepwise:
    """Tells when its steps begin and end; a flush takes as long as `gate` is shut."""

    def __init__(self):
        self.said, self.gate = [], asyncio.Event()

    async def prepare(self, records, *, generation):
        self.said.append(f"prepare {records[0].offset}")
        return records[0].offset

    async def flush(self, prepared):
        self.said.append(f"flush {prepared}")
        await self.gate.wait()
        self.said.append(f"flushed {prepared}")

    def forget(self):
        self.said.append("forget")


def batches_of(count):
    return [[Record("news.raw", 0, offset, 0, None, b"")] for offset in range(count)]


async def comes_to(hop, said):
    """It gets so far, however busy the machine is, and stays there."""
    async with asyncio.timeout(30):
        while len(hop.said) < len(said):  # noqa: ASYNC110 - a list rings no bell
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert hop.said == said


async def test_the_next_is_prepared_meanwhile_and_no_further_one():
    hop = Stepwise()
    carrying = asyncio.create_task(carry_all(Overlapping("news", hop), batches_of(4)))
    await comes_to(hop, ["prepare 0", "flush 0", "prepare 1"])
    hop.gate.set()
    assert [record.offset for record in await carrying] == [0, 1, 2, 3]
    flushes = [one for one in hop.said if one.startswith("flush")]
    assert flushes == [f"{word} {n}" for n in range(4) for word in ("flush", "flushed")]


async def test_a_new_generation_waits_for_what_is_in_the_air():
    hop = Stepwise()
    carrying = asyncio.create_task(carry_all(Overlapping("news", hop), batches_of(2), generations=[1, 2]))
    await comes_to(hop, ["prepare 0", "flush 0"])
    hop.gate.set()
    await carrying
    assert hop.said == ["prepare 0", "flush 0", "flushed 0", "prepare 1", "flush 1", "flushed 1"]


@pytest.mark.parametrize("failing", ["prepare", "flush"])
async def test_what_cannot_be_done_is_buried_and_the_others_go_on(failing):
    class Failing(Stepwise):
        async def prepare(self, records, *, generation):
            if failing == "prepare" and any(record.offset == 1 for record in records):
                raise ValueError("no")
            return await super().prepare(records, generation=generation)

        async def flush(self, prepared):
            await super().flush(prepared)
            if failing == "flush" and prepared == 1:
                raise ValueError("no")

        async def process(self, records, *, generation, patiently):
            await self.flush(await self.prepare(records, generation=generation))

        async def bury(self, record, reason):
            self.said.append(f"bury {record.offset}")

    hop = Failing()
    hop.gate.set()
    done = await carry_all(Overlapping("news", hop, backoff=QUICK), batches_of(4))
    assert [record.offset for record in done] == [0, 1, 2, 3]
    assert [one for one in hop.said if one.startswith("bury")] == ["bury 1"]
