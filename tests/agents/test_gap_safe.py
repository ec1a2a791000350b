"""What Faust commits with our consumer: its issue 606, what it skips, what Kafka holds no record at."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from streams.adapters import faust_app
from streams.adapters.faust_app import ConsumerMarks, GapSafeConsumer, new_app
from streams.errors import BrokerAway
from streams.settings import load_settings
from streams.topology import topics

AT = TP("news.raw", 0)


@pytest.fixture
async def consumer():
    app = new_app(load_settings(kafka="127.0.0.1:1"))
    assert app.transport.Consumer is GapSafeConsumer
    app.consumer_generation_id = 1
    consumer = app.consumer
    consumer._committed_offset[AT] = 2585
    yield consumer
    consumer._thread.thread_loop.close()


def deliver(consumer, *offsets):
    """As Faust's consumer hands records on."""
    bare = dict.fromkeys(("key", "value"))
    bare |= {"topic": AT.topic, "partition": AT.partition, "timestamp": 0, "timestamp_type": 0, "headers": ()}
    return consumer._parcel(AT, [SimpleNamespace(offset=offset, **bare) for offset in offsets])


def finish(consumer, parcel, *numbers):
    for number in numbers or range(len(parcel.records)):
        consumer.finish(parcel.records[number], generation=parcel.generation_id)


def to_commit(consumer):
    return consumer._filter_committable_offsets(consumer._filter_tps_with_pending_acks())


async def test_a_commit_never_passes_an_offset_in_flight(consumer):
    parcel = deliver(consumer, 2585, 2586, 2587)
    finish(consumer, parcel, 1, 2)
    assert to_commit(consumer) == {}
    finish(consumer, parcel, 0)
    assert to_commit(consumer) == {AT: 2588}


async def test_a_committed_offset_without_a_record_holds_nothing_up(consumer):
    """2585 is a transaction's marker, or was compacted, or is older than the log keeps."""
    finish(consumer, deliver(consumer, 2586, 2587, 2600))
    assert to_commit(consumer) == {AT: 2601}


async def test_what_is_in_hand_is_marked_at_an_offset_before_which_all_is_done(consumer):
    """A mark is a commit, too; what came first of a partition need not be what comes first in its log."""
    marks, said = ConsumerMarks(consumer.app), []

    async def mark(words, *, instead_of):
        said.append((words, instead_of))

    consumer._thread.mark = mark
    at = (AT.topic, AT.partition)
    await marks.mark({at: (2600, "w")}, generation=1, instead_of={at: (2600, "")})
    consumer._thread.began = {AT: 2585}
    await marks.mark({at: (2600, "w")}, generation=1, instead_of={at: (2600, "")})
    parcel = deliver(consumer, 2585, 2586, 2587)
    finish(consumer, parcel, 0, 2)
    await marks.mark({at: (2588, "")}, generation=1, instead_of={})
    assert said == [({}, {}), ({at: (2585, "w")}, {at: (2585, "")}), ({at: (2586, "")}, {})]


async def test_a_partition_is_held_where_the_coordinator_takes_a_commit_that_passes_nothing(consumer):
    marks, asked, at = ConsumerMarks(consumer.app), [], (AT.topic, AT.partition)

    async def hold(at, offset):
        asked.append((at, offset))

    consumer._thread.hold = hold
    consumer._thread.began = {AT: 2585}
    for consumer.rejoining, generation in ((True, 0), (False, 0)):
        assert await marks.holds(at, generation=generation) is False
    consumer.rejoining = True
    with pytest.raises(BrokerAway, match="anew"):
        await marks.holds(at, generation=1)
    consumer.rejoining = False
    assert await marks.holds(at, generation=1) is True
    finish(consumer, deliver(consumer, 2585, 2586, 2587), 0, 2)
    assert await marks.holds(at, generation=1) is True
    assert asked == [(at, 2585), (at, 2586)]


async def test_what_is_not_done_is_told_without_asking_the_thread(consumer):
    consumer._thread._consumer = SimpleNamespace(_subscription=SimpleNamespace(subscription=None))
    assert consumer.done(AT) is None
    parcel = deliver(consumer, 2585, 2586)
    assert consumer.done(AT) == 2585
    finish(consumer, parcel, 1)
    assert consumer.done(AT) == 2585
    finish(consumer, parcel, 0)
    state = SimpleNamespace(has_valid_position=True, position=2590)
    subscription = SimpleNamespace(assignment=SimpleNamespace(state_value={AT: state}.get))
    consumer._thread._consumer = SimpleNamespace(_subscription=SimpleNamespace(subscription=subscription))
    assert consumer.done(AT) == 2590


class Seeking:
    """Takes its time; a rebalance comes in between."""

    def __init__(self, consumer, monkeypatch):
        self.asked, self.answers = asyncio.Event(), asyncio.Event()

        async def perform_seek():
            self.asked.set()
            await self.answers.wait()

        async def nothing(*_args, **_kwargs):
            pass

        monkeypatch.setattr(consumer, "perform_seek", perform_seek)
        monkeypatch.setattr(consumer, "assignment", lambda: {AT})
        monkeypatch.setattr(consumer.app._fetcher, "maybe_start", nothing)
        monkeypatch.setattr(consumer, "_on_partitions_revoked", nothing)
        monkeypatch.setattr(consumer, "_on_partitions_assigned", nothing)


async def test_a_rebalance_is_not_ended_by_the_one_before(consumer, monkeypatch):
    """Faust's own lets the next generation's records flow here, and clears them away when it lets them flow again."""
    seeking, recovery = Seeking(consumer, monkeypatch), consumer.app.tables.recovery
    await consumer.on_partitions_assigned({AT}, 1)
    going_on = asyncio.create_task(recovery._resume_streams(1))
    await seeking.asked.wait()
    await consumer.on_partitions_revoked({AT})
    seeking.answers.set()
    await going_on
    assert not consumer.flow_active
    consumer.app.consumer_generation_id = 2
    await consumer.on_partitions_assigned({AT}, 2)
    await recovery._resume_streams(1)
    assert not consumer.flow_active
    await recovery._resume_streams(2)
    assert consumer.flow_active
    assert consumer.app.flow_control.is_active()


async def test_what_is_done_in_the_end_is_not_done_in_a_rebalance(consumer, monkeypatch):
    """Else nothing would be taken any more by a worker that another one joined."""
    app, ended = consumer.app, []

    async def finish():
        ended.append(app.should_stop)

    app.on_stopping = finish
    monkeypatch.setattr(consumer, "assignment", lambda: {AT})
    monkeypatch.setattr(consumer, "pause_partitions", lambda _tps: None)
    await app._on_partitions_revoked({AT})
    assert ended == []
    app._stopped.set()
    await app._stop_consumer()
    assert ended == [True]


async def test_the_flow_stops_for_a_rebalance_where_nothing_was_assigned(consumer):
    consumer.resume_flow()
    consumer.app.flow_control.resume()
    await consumer.on_partitions_revoked(set())
    assert not consumer.flow_active
    assert not consumer.app.flow_control.is_active()


async def test_what_does_not_get_to_its_agent_holds_commits_up(consumer, monkeypatch):
    other = TP("news.raw", 1)
    bare = {"key": None, "value": b"", "timestamp": 0, "timestamp_type": 0, "headers": (), "topic": "news.raw"}

    async def fetched(_timeout):
        return {at: [SimpleNamespace(offset=2585, partition=at.partition, **bare)] for at in (AT, other)}, None

    monkeypatch.setattr(consumer, "_wait_next_records", fetched)
    consumer.resume_flow()
    async for _tp, parcel in consumer.getmany(1):
        finish(consumer, parcel)
        consumer.stop_flow()
    assert to_commit(consumer) == {AT: 2586}
    finish(consumer, deliver(consumer, 2586))
    assert consumer.done(other) == 2585


async def test_what_faust_acknowledges_by_itself_counts_for_nothing(consumer):
    assert not consumer.ack(deliver(consumer, 2585))
    assert to_commit(consumer) == {}


async def test_what_an_earlier_generation_finishes_is_not_committed(consumer):
    old = deliver(consumer, 2585, 2586)
    consumer.app.consumer_generation_id = 2
    finish(consumer, old)
    assert to_commit(consumer) == {}
    new = deliver(consumer, 2585, 2586)
    finish(consumer, old)
    assert to_commit(consumer) == {}
    finish(consumer, new, 0)
    assert to_commit(consumer) == {AT: 2586}


async def test_a_worker_that_waits_for_its_store_stays_in_the_group(consumer):
    """For as long as the raw topics keep what it has to read; Faust's own 1,000 s are soon over."""
    kept_s = int(topics()["news.raw"]["retention.ms"]) / 1_000
    assert consumer.app.conf.broker_max_poll_interval > kept_s
    assert consumer.app.conf.broker_max_poll_interval * 1_000 < 2**31


async def test_a_broker_that_is_away_at_the_start_is_waited_for(consumer, monkeypatch):
    """Faust's own way is to end the worker."""
    stopped = []

    async def stop():
        stopped.append(1)

    async def start(_thread):
        if len(stopped) < 3:
            raise KafkaConnectionError("nobody listens")

    monkeypatch.setattr(faust_app, "TRY_AGAIN_S", 0.001)
    monkeypatch.setattr(consumer._thread, "_consumer", SimpleNamespace(stop=stop))
    monkeypatch.setattr(AIOKafkaConsumerThread, "on_start", start)
    await consumer._thread.on_start()
    assert len(stopped) == 3


async def test_fausts_own_producer_needs_no_broker(consumer):
    await consumer.app.producer.on_start()
