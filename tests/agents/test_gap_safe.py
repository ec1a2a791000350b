"""What Faust commits with our consumer: its issue 606, what it skips, what Kafka holds no record at."""

from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from streams.adapters import faust_app
from streams.adapters.faust_app import GapSafeConsumer, new_app
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
