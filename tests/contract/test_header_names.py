"""Records with headers whose names are no UTF-8 are read like any others."""

import aiokafka.consumer.fetcher
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.record import default_records
from aiokafka.record.memory_records import MemoryRecords

from streams.adapters.broker import administrator
from streams.adapters.header_names import ForgivingRecords, forgive_header_names
from streams.adapters.topic_log import consumer, extents, read
from streams.settings import Kafka, load_settings
from tests.chaos.broken_names import NAME, READ, breaking, broken

RECORDS = [
    (b"k0", b"v0", []),
    (None, b"v1", [("fine", b"1")]),
    (b"k2", None, [("fine", b"2"), (NAME, b"\xff\x00")]),
    (b"\xff", b"v3", [(NAME, None), (NAME, b"twice")]),
    (b"k4", "值".encode(), [("头", b"4")]),
]


def batch_of(records, codec=0):
    builder = default_records.DefaultRecordBatchBuilder(2, codec, 0, -1, -1, 0, 1_000_000)
    for offset, (key, value, headers) in enumerate(records):
        assert builder.append(offset, 1_750_000_000_000, key, value, headers)
    return bytes(builder.build())


def read_all(made):
    while made.has_next():
        yield from made.next_batch()


def plain(record):
    return record.offset, record.timestamp, record.key, record.value, list(record.headers)


def renamed(records):
    return [
        (key, value, [(READ if name == NAME else name, said) for name, said in headers])
        for key, value, headers in records
    ]


def test_aiokafka_itself_raises_over_them():
    """Once it does not, header_names.py can go."""
    with pytest.raises(UnicodeDecodeError):
        list(read_all(MemoryRecords(bytes(broken(batch_of(RECORDS))))))


def test_every_record_of_every_batch_comes_once_in_order():
    raw = batch_of(RECORDS[:2]) + bytes(broken(batch_of(RECORDS))) + batch_of(RECORDS[3:])
    found = [(record.key, record.value, list(record.headers)) for record in read_all(ForgivingRecords(raw))]
    assert found == [*RECORDS[:2], *renamed(RECORDS), *RECORDS[3:]]


@pytest.mark.parametrize("codec", range(5))
def test_what_has_good_names_is_read_as_aiokafka_reads_it(codec):
    raw = batch_of(RECORDS, codec)
    batch = ForgivingRecords(raw).next_batch()
    assert batch.validate_crc()
    assert (batch.base_offset, batch.next_offset, batch.is_control_batch) == (0, len(RECORDS), False)
    assert list(map(plain, batch)) == list(map(plain, read_all(MemoryRecords(raw))))


@pytest.mark.stack
async def test_a_consumer_of_ours_gets_past_them(stack):
    kafka = Kafka.of(load_settings(kafka=stack.addresses.kafka))
    at = TopicPartition("broken-names", 0)
    async with administrator(kafka) as admin:
        await admin.create_topics([NewTopic(at.topic, 1, 1)])
    async with AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka) as producer:
        await producer.send_and_wait(at.topic, b"before", partition=0)
        batch = producer.create_batch()
        for key, value, headers in RECORDS:
            batch.append(key=key, value=value, timestamp=None, headers=headers)
        await (await producer.send_batch(breaking(batch), at.topic, partition=0))
        await producer.send_and_wait(at.topic, b"after", partition=0)
    async with consumer(kafka) as client:
        found = [record async for record in read(client, await extents(client, [at]))]
    assert [record.value for record in found] == [b"before", *(value for _, value, _ in RECORDS), b"after"]
    assert found[3].headers == (("fine", b"2"), (READ, b"\xff\x00"))


def test_it_reaches_aiokafka():
    forgive_header_names()
    assert aiokafka.consumer.fetcher.MemoryRecords is ForgivingRecords
