"""One suite, run on the publisher in memory and on the broker."""

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.init import initialise
from streams.adapters.fakes import MemoryPublisher
from streams.adapters.placing import placing
from streams.adapters.publisher import KafkaPublisher
from streams.core.message import Outgoing
from streams.errors import BrokerAway, BrokerRefused
from streams.settings import Kafka, load_settings
from streams.topology import MAX_MESSAGE_BYTES

TOPIC = "samples"


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.stack)])
async def publisher(request):
    """A publisher, and a function that tells what partition 3 of the topic holds since."""
    if request.param == "memory":
        memory = MemoryPublisher()

        async def read():
            return [m for m in memory.on(TOPIC) if m.partition == 3]

        yield memory, read
        return
    stack = request.getfixturevalue("stack")
    settings = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    await initialise(settings)
    real = KafkaPublisher(Kafka.of(settings))
    at = TopicPartition(TOPIC, 3)
    consumer = AIOKafkaConsumer(**Kafka.of(settings).aiokafka(), max_partition_fetch_bytes=17_000_000)
    await consumer.start()
    start = (await consumer.end_offsets([at]))[at]

    async def read():
        consumer.assign([at])
        consumer.seek(at, start)
        end = (await consumer.end_offsets([at]))[at]
        found = []
        while len(found) < end - start:
            found += (await consumer.getmany(at, timeout_ms=500)).get(at, [])
        return [Outgoing(m.topic, m.key, m.value, tuple(m.headers), m.partition) for m in found]

    yield real, read
    await consumer.stop()
    await real.close()


async def test_everything_arrives_as_it_is_and_in_order(publisher):
    port, read = publisher
    messages = [
        Outgoing(TOPIC, None, b"\xff\x00", (("h", b"\xfe"),), 3),
        Outgoing(TOPIC, b"\xffkey", None, (), 3),
        Outgoing(TOPIC, None, None, (("h", b""),), 3),
        Outgoing(TOPIC, b"", b"x" * 5_000_000, (), 3),
        *(Outgoing(TOPIC, b"k", str(i).encode(), (), 3) for i in range(500)),
    ]
    await port.publish(messages)
    await port.publish([])
    assert await read() == messages


async def test_a_broker_that_is_away_is_told():
    port = KafkaPublisher(Kafka.of(load_settings(kafka="127.0.0.1:1")))
    with pytest.raises(BrokerAway):
        await port.publish([Outgoing(TOPIC, None, b"x")])
    await port.close()


@pytest.mark.stack
async def test_what_the_broker_would_not_take_is_refused_and_the_next_message_goes(stack):
    settings = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    await initialise(settings)
    port = KafkaPublisher(Kafka.of(settings))
    with pytest.raises(BrokerRefused):
        await port.publish([Outgoing(TOPIC, b"k", b"x" * MAX_MESSAGE_BYTES)])
    await port.publish([Outgoing(TOPIC, b"k", b"x")])
    await port.close()


@pytest.mark.stack
async def test_who_fails_on_an_old_producer_leaves_the_new_one_alone(stack):
    settings = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    await initialise(settings)
    port = KafkaPublisher(Kafka.of(settings))
    old = await port._ready()
    await port.close()
    new = await port._ready()
    await port._drop(old)
    assert await port._ready() is new
    await port.publish([Outgoing(TOPIC, b"k", b"x")])
    await port.close()


@pytest.mark.stack
async def test_keys_go_where_every_client_puts_them_and_keep_their_order(stack):
    """More than one batch of them, with what has no key in between."""
    settings = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    await initialise(settings)
    port = KafkaPublisher(Kafka.of(settings))
    async with AIOKafkaConsumer(TOPIC, **Kafka.of(settings).aiokafka(), auto_offset_reset="latest") as consumer:
        await consumer.seek_to_end()
        for tp in consumer.assignment():
            await consumer.position(tp)
        partitions = len(consumer.assignment())
        keys = [f"series-{i % 7}".encode() for i in range(3_000)]
        pairs = [Outgoing(TOPIC, key, f"{i} {'x' * 1_000}".encode()) for i, key in enumerate(keys)]
        await port.publish([message for pair in pairs for message in (pair, Outgoing(TOPIC, None, b"between"))])
        found = {}
        while sum(map(len, found.values())) < 2 * len(pairs):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                found.setdefault(tp.partition, []).extend(records)
    await port.close()
    place = placing(partitions)  # not those found: seven keys need not reach all
    for partition, records in found.items():
        expected = [pair.value for pair in pairs if place(pair.key) == partition]
        assert [record.value for record in records if record.key is not None] == expected
