"""The event hop on fakes: whatever fails, and whenever, every event counts once and nothing goes unsaid."""

import contextlib
import json
import time
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fake import FakeClassifier
from streams.adapters.fakes import MemoryEventStore, MemoryPublisher
from streams.adapters.reader import ThreadedReader
from streams.agents.carry import Carrier
from streams.agents.events import EventHop, Shape
from streams.core.backoff import Backoff
from streams.core.codec import decode_window
from streams.core.decode import Decoder
from streams.core.dlq_limit import DlqLimit
from streams.core.entities import WatchList
from streams.core.event import Record
from streams.errors import BrokerAway, BrokerRefused, StoreAway, StoreRefused
from streams.ports import Stretch
from streams.topology import MAX_MESSAGE_BYTES

START_MS = 1_700_000_000_000 // 3_600_000 * 3_600_000
QUICK = Backoff(first_s=0.0001, cap_s=0.0002)


def news(offset, *, partition=0, at_s=0.0, title=None, raw=None, key=b"k", **fields):
    time_ms = START_MS + int(at_s * 1_000)
    payload = {"id": f"{partition}-{offset}", "ts": time_ms, "source": "wire", "title": title or f"Acme rises {offset}"}
    value = json.dumps(payload | fields).encode() if raw is None else raw
    return Record("news.raw", partition, offset, time_ms + 1, key, value)


class Flaky:
    """Lets every call of a port through to the real one, or fails before or after it, as told."""

    def __init__(self, port, error, plan):
        self._port, self._error, self._plan = port, error, plan

    def __getattr__(self, name):
        call = getattr(self._port, name)

        async def flaky(*args, **kwargs):
            fault = next(self._plan, None)
            if fault == "before":
                raise self._error(name)
            answer = await call(*args, **kwargs)
            if fault == "after":
                raise self._error(name)
            return answer

        return flaky


class Stopped(BaseException):
    """The process is gone."""


async def stop(why):
    raise Stopped(why)


class World:
    """What outlives a worker: the store, the topics."""

    def __init__(self):
        self.store, self.publisher = MemoryEventStore(), MemoryPublisher()

    def worker(self, *, faults=(), **shape):
        plan = iter(faults)
        hop = EventHop(
            kind="news",
            decoder=Decoder(max_bytes=100_000, watch=WatchList([("Acme", ())])),
            reader=ThreadedReader(FakeClassifier()),
            store=Flaky(self.store, StoreAway, plan),
            publisher=Flaky(self.publisher, BrokerAway, plan),
            shape=Shape(**shape),
            stop=stop,
        )
        return hop, Carrier("news", hop, backoff=QUICK)

    def counted(self):
        """Events of each (window, series), from rows of both sizes."""
        return {(partition, key): row.events for (_, partition, key), row in self.store.rows.items()}


@pytest.fixture
def world():
    return World()


async def test_an_event_goes_everywhere_it_should(world):
    _, carrier = world.worker()
    await carrier.carry([news(0, lang="en"), news(1, raw=b"{", key=b"\xff")], generation=1)
    (scored,) = world.publisher.on("news.scored")
    fields = json.loads(scored.value)
    assert scored.key == b"k"
    assert (fields["event_id"], fields["entities"], fields["model"]) == ("0-0", ["Acme"], "fake")
    assert fields["sentiment"] in ("negative", "neutral", "positive")
    assert world.store.events["news.raw", 0, 0].event.text == "Acme rises 0"
    (letter,) = world.publisher.on("news.raw.dlq")
    headers = dict(letter.headers)
    assert (letter.value, letter.key) == (b"{", b"\xff")
    assert (headers["pw-error"], headers["pw-offset"], headers["pw-topic"]) == (b"not_json", b"1", b"news.raw")
    assert {row.events for row in world.store.rows.values()} == {1}
    keys = {message.key for message in world.publisher.on("windows")}
    assert {b"news|all|all", b"news|entity|Acme", b"news|source|wire", b"news|lang|en"} <= keys


async def test_ticks_go_to_every_partition_after_the_rows_that_they_close(world):
    _, carrier = world.worker(window_partitions=3)
    await carrier.carry([news(0), news(1, at_s=61)], generation=1)
    messages = world.publisher.on("windows")
    rows = [decode_window(message.value) for message in messages]
    ticks = [i for i, row in enumerate(rows) if row.dimension == "watermark"]
    assert sorted(messages[i].partition for i in ticks) == [0, 1, 2]
    assert min(ticks) > max(i for i, row in enumerate(rows) if row.dimension != "watermark")
    assert {rows[i].watermark_ms for i in ticks} == {START_MS + 61_000}
    assert {rows[i].window_start_ms for i in ticks} == {START_MS + 60_000}


async def test_samples_come_when_event_time_enters_another_hour_and_at_the_end(world):
    hop, carrier = world.worker(sample_size=2, sample_share=1.0)
    await carrier.carry([news(i, at_s=i) for i in range(10)], generation=1)
    assert world.store.samples == {}
    await carrier.carry([news(10, at_s=3_700)], generation=1)
    first = {sample.scored.event.offset for sample in world.store.samples.values()}
    assert len(first) >= 2
    assert first < set(range(10))
    await hop.close()
    assert {s.scored.event.offset for s in world.store.samples.values()} > first
    assert {json.loads(m.value)["reason"] for m in world.publisher.on("samples")} >= {"random"}


async def test_who_ends_with_partitions_that_are_another_ones_by_now_samples_what_that_one_would(world):
    """It knows less of the running hour than the table has: up to there, samples came that no pick of the hour has."""
    shape = {"sample_size": 4, "sample_share": 1.0}
    hop, carrier = world.worker(**shape)
    await carrier.carry([news(n, at_s=n) for n in range(10)], generation=1)
    _, other = world.worker(**shape)
    await other.carry([news(n, at_s=n % 7 + n) for n in range(10, 60)], generation=2)
    await hop.close()
    hour = Stretch(
        kind="news", topic="news.raw", partition=0, from_ms=START_MS, to_ms=START_MS + 3_600_000, every_ms=3_600_000
    )
    whole = await world.store.pick_samples(hour, size=4, share=1.0)
    table, topic = sampled(world)
    assert table == topic == {(one.scored.event.offset, one.reason) for one in whole}


def sampled(world):
    """Offsets and reasons in the table, and on the topic."""
    told = [json.loads(message.value) for message in world.publisher.on("samples")]
    table = {(sample.scored.event.offset, sample.reason) for sample in world.store.samples.values()}
    return table, {(one["offset"], one["reason"]) for one in told}


@pytest.mark.parametrize("when", ["it ends", "it is killed"])
async def test_a_sample_that_was_stored_and_not_told_is_told_by_whoever_goes_on(world, when):
    """Late events make the next pick another one: what the first had picked stayed in the table and was never told."""

    async def gone(_messages):
        raise BrokerAway("away")

    hop, carrier = world.worker(sample_size=2, sample_share=1.0)
    await carrier.carry([news(n, at_s=n) for n in range(20)], generation=1)
    publish, world.publisher.publish = world.publisher.publish, gone
    with pytest.raises(BrokerAway):
        await (hop.close() if when == "it ends" else hop.flush(await hop.prepare([news(20, at_s=3_600)], generation=1)))
    world.publisher.publish = publish
    _, carrier = world.worker(sample_size=2, sample_share=1.0)
    late = [news(n, at_s=n) for n in range(21, 80)]
    await carrier.carry([news(20, at_s=3_600), *late], generation=1)
    await carrier.carry([news(80, at_s=7_200)], generation=1)
    table, topic = sampled(world)
    assert topic == table
    assert len(table) > 4


async def test_samples_of_several_hours_that_were_stored_and_not_told_are_told_all_of_them(world):
    """Whoever goes on picks from the last hours anew, and from those before them no more."""

    async def gone(_messages):
        raise BrokerAway("away")

    hop, carrier = world.worker(sample_size=2, sample_share=1.0)
    await carrier.carry([news(0)], generation=1)
    batch = [news(n, at_s=600 * n) for n in range(1, 30)]
    publish, world.publisher.publish = world.publisher.publish, gone
    with pytest.raises(BrokerAway):
        await hop.flush(await hop.prepare(batch, generation=1))
    world.publisher.publish = publish
    _, carrier = world.worker(sample_size=2, sample_share=1.0)
    await carrier.carry([*batch, *(news(n, at_s=n) for n in range(30, 60))], generation=1)
    table, topic = sampled(world)
    assert topic == table
    assert await world.store.untold_samples(Stretch("news", "news.raw", 0, 0, 1, 1)) == []


async def test_what_was_stored_before_a_death_is_sampled_however_many_hours_it_spans(world):
    hop, carrier = world.worker(sample_size=2, sample_share=1.0)
    await carrier.carry([news(0)], generation=1)
    batch = [news(n, at_s=600 * n) for n in range(1, 30)]
    flush = await hop.prepare(batch, generation=1)
    await world.store.write(flush.scored, flush.rows)  # and here it is killed
    _, carrier = world.worker(sample_size=2, sample_share=1.0)
    await carrier.carry(batch, generation=1)
    await carrier.carry([news(30, at_s=18_000)], generation=1)
    hours = {(sample.picked_for_ms - START_MS) // 3_600_000 for sample in world.store.samples.values()}
    assert hours == {0, 1, 2, 3, 4}


async def test_a_new_generation_takes_up_from_the_store(world):
    _, carrier = world.worker()
    await carrier.carry([news(i) for i in range(5)], generation=1)
    await carrier.carry([news(i) for i in range(3, 9)], generation=2)
    assert world.counted()[0, (60, START_MS, "all", "all")] == 9


faults = st.lists(st.sampled_from([None, None, "before", "after"]), max_size=30)


@settings(max_examples=150, deadline=None)
@given(st.data())
async def test_every_event_counts_once_whatever_fails(data):
    """Batches of any size over two partitions, transports that fail at any call, workers that die at any moment."""
    world = World()
    shifts = data.draw(st.lists(st.integers(0, 20_000), min_size=8, max_size=8), label="seconds")
    log = [news(i // 2, partition=i % 2, at_s=shift) for i, shift in enumerate(shifts)]
    committed = 0
    while committed < len(log):
        end = data.draw(st.integers(committed + 1, len(log)), label="batch end")
        hop, carrier = world.worker(faults=data.draw(faults, label="faults"))
        if data.draw(st.booleans(), label="dies in the middle"):
            await _die_in_the_middle(hop, log[committed:end])
            continue
        await carrier.carry(log[committed:end], generation=1)
        committed = end
    assert set(world.store.events) == {(r.topic, r.partition, r.offset) for r in log}
    alls = {key: row for key, row in world.store.rows.items() if key[2][2] == "all"}
    for seconds in (60, 3600):
        assert sum(row.events for key, row in alls.items() if key[2][0] == seconds) == len(log)
    said = {json.loads(message.value)["event_id"] for message in world.publisher.on("news.scored")}
    assert said == {f"{r.partition}-{r.offset}" for r in log}
    told = [decode_window(message.value) for message in world.publisher.on("windows")]
    for (topic, partition, key), row in world.store.rows.items():
        assert any((t.topic, t.partition, t.row_key, t.events) == (topic, partition, key, row.events) for t in told)


async def _die_in_the_middle(hop, records):
    """Store and publish as far as the faults let it, and never acknowledge."""
    with contextlib.suppress(StoreAway, BrokerAway):
        await hop.flush(await hop.prepare(records, generation=1))


async def test_equal_texts_are_read_once(world):
    fake = FakeClassifier()
    hop = EventHop(
        kind="logs", decoder=Decoder(max_bytes=100_000, watch=WatchList([])), reader=ThreadedReader(fake),
        store=world.store, publisher=world.publisher, shape=Shape(), stop=stop,
    )  # fmt: skip
    lines = [{"ts": START_MS, "service": "pay", "message": f"took {i} ms"} for i in range(50)]
    records = [Record("logs.raw", 0, i, START_MS, None, json.dumps(line).encode()) for i, line in enumerate(lines)]
    await Carrier("logs", hop).carry(records, generation=1)
    assert fake.calls == [1]
    assert len(world.store.events) == 50


async def test_who_catches_up_leaves_the_others_the_way_to_the_model(world):
    """A topic that is replayed, or was left alone for hours, has nobody wait for the last minute's events."""
    lanes = []

    class Noting(FakeClassifier):
        def classify(self, texts, *, lane="live", within_s=None):
            lanes.append(lane)
            return super().classify(texts)

    hop, carrier = world.worker()
    hop._reader = ThreadedReader(Noting(), lane="news")
    now_ms = time.time_ns() // 1_000_000
    for offset, ages_s in enumerate(((1, 2), (90, 61), (90, 59))):
        records = [
            msgspec.structs.replace(news(2 * offset + n), timestamp_ms=now_ms - age_s * 1_000)
            for n, age_s in enumerate(ages_s)
        ]
        await carrier.carry(records, generation=1)
    assert lanes == ["news", "backfill", "news"]


async def test_a_dead_letter_that_kafka_will_not_take_is_cut(world):
    """It came compressed: whole it is longer than what may be sent."""
    whole = world.publisher.publish

    async def publish(messages):
        if any(len(message.value or b"") > 2_000_000 for message in messages):
            raise BrokerRefused("too long")
        await whole(messages)

    world.publisher.publish = publish
    _, carrier = world.worker()
    bomb = msgspec.structs.replace(news(1, raw=b"x" * 3_000_000), headers=(("theirs", b"1"),))
    await carrier.carry([news(0), bomb, news(2)], generation=1)
    (letter,) = world.publisher.on("news.raw.dlq")
    headers = dict(letter.headers)
    assert (len(letter.value), letter.key, headers["pw-error"]) == (1_048_576, b"k", b"too_large")
    assert headers["pw-cut"] == b"1 and 3000000 bytes"
    assert "theirs" not in headers
    assert {offset for _, _, offset in world.store.events} == {0, 2}


async def test_what_is_sure_to_be_too_long_troubles_nobody_else(world):
    """Kafka takes 30 MB that compress well, and not their dead letter: nobody else is said again for it."""
    whole = world.publisher.publish

    async def publish(messages):
        for message in messages:  # what comes before it is produced
            if len(message.value or b"") > MAX_MESSAGE_BYTES:
                raise BrokerRefused("too long")
            await whole([message])

    world.publisher.publish = publish
    _, carrier = world.worker(dlq_limit=DlqLimit(1.0, 10))
    batch = [news(0), news(1, raw=b"{"), news(2, raw=b"x" * (MAX_MESSAGE_BYTES + 1)), news(3, raw=b"["), news(4)]
    await carrier.carry(batch, generation=1)
    letters = [dict(letter.headers) for letter in world.publisher.on("news.raw.dlq")]
    assert [(said["pw-offset"], "pw-cut" in said) for said in letters] == [(b"1", False), (b"2", True), (b"3", False)]
    assert len(world.publisher.on("news.scored")) == 2


async def test_a_topic_that_cannot_be_read_is_not_emptied_into_its_dead_letters(world):
    _, carrier = world.worker(dlq_limit=DlqLimit(0.5, 20))
    bad = [news(offset, raw=b"{") for offset in range(30)]
    await carrier.carry([news(0), *bad[1:11]], generation=1)
    stored, told = dict(world.store.events), list(world.publisher.messages)
    with pytest.raises(Stopped, match=r"50% of the last 20 events of news.raw .* not_json.*LIMIT_SHARE=1"):
        await carrier.carry([news(11), *bad[12:14]], generation=1)
    assert (dict(world.store.events), list(world.publisher.messages)) == (stored, told)


async def test_a_store_that_refuses_everything_does_not_empty_it_either(world):
    hop, carrier = world.worker(dlq_limit=DlqLimit(0.5, 10))

    async def refuse(events, rows):
        raise StoreRefused("Code: 53")

    hop._store = SimpleNamespace(write=refuse, restore=world.store.restore, rows_of=world.store.rows_of)
    with pytest.raises(Stopped, match="refused"):
        await carrier.carry([news(offset) for offset in range(16)], generation=1)
    assert len(world.publisher.messages) == 5
