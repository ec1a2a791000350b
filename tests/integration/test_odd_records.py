"""What Kafka holds and no test double thinks of: a worker takes it, goes on, and commits."""

import asyncio
import os
import time
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.embedded.ports import free_port
from infra.embedded.stack import Stack
from infra.init import initialise
from infra.up import program_part
from streams.settings import load_settings

EVENT = b'{"ts": 1750000000000, "source": "wire", "title": "%d"}'


@asynccontextmanager
async def working(folder):
    """The stack with one worker."""
    port = free_port()
    async with Stack(folder / "stack") as stack:
        at = stack.addresses
        await initialise(load_settings(kafka=at.kafka, clickhouse=at.clickhouse))
        env = {"PULSEWIRE_KAFKA": at.kafka, "PULSEWIRE_CLICKHOUSE": at.clickhouse, "PULSEWIRE_METRICS_PORT": str(port)}
        env["PULSEWIRE_DLQ_LIMIT_WINDOW"] = "40"
        ready = f"http://127.0.0.1:{port}/readyz"
        await stack.supervisor.add(
            program_part("worker", "worker", env=env | {"PULSEWIRE_THREADS": "1"}, ready_url=ready)
        )
        yield stack


async def send_odd(servers, partition):
    """No key and no value, as other clients may send; 40 MB that were compressed to some KB; 12 MB that
    were not, more than a fetch asks for."""
    async with AIOKafkaProducer(
        bootstrap_servers=servers, compression_type="gzip", max_request_size=100_000_000
    ) as producer:
        batch = producer.create_batch()
        batch.append(key=None, value=None, timestamp=None)
        await (await producer.send_batch(batch, "news.raw", partition=partition))
        await producer.send_and_wait("news.raw", b"x" * 40_000_000, partition=partition)
        await producer.send_and_wait("news.raw", os.urandom(12_000_000), partition=partition)
        await producer.send_and_wait("news.raw", EVENT % 0, partition=partition)


async def until_committed(consumer, at, offset):
    deadline = time.monotonic() + 40
    while (found := await consumer.committed(at)) != offset:
        assert time.monotonic() < deadline, f"{at}: {found} is committed, not {offset}"
        await asyncio.sleep(0.3)


async def ends_rather_than_empty_a_topic(stack, folder):
    """More dead letters than it may send: the worker ends for good, and says why; most of them are still to be read."""
    async with AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka) as producer:
        for _ in range(200):
            await producer.send("logs.raw", b"no JSON", partition=0)
    deadline = time.monotonic() + 40
    while "worker" in stack.supervisor.pids():
        assert time.monotonic() < deadline, "the worker goes on"
        await asyncio.sleep(0.2)
    await asyncio.sleep(2)  # started again, it would have come back by now, and begun to count anew
    assert stack.supervisor.restarts("worker") == 0
    said = (folder / "stack" / "logs" / "worker.log").read_text()
    assert "more than 50% of the last 40 events of logs.raw are dead letters, of late for not_json" in said
    async with AIOKafkaConsumer(bootstrap_servers=stack.addresses.kafka) as consumer:
        buried = await consumer.end_offsets([TopicPartition("logs.raw.dlq", number) for number in range(4)])
    assert sum(buried.values()) <= 20


@pytest.mark.stack
@pytest.mark.timeout(180)
async def test_what_cannot_be_sent_back_whole_what_is_no_record_and_what_is_too_much(tmp_path):
    async with working(tmp_path) as stack:
        servers = stack.addresses.kafka
        consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id="pulsewire", enable_auto_commit=False)
        await consumer.start()
        await send_odd(servers, 0)
        await until_committed(consumer, TopicPartition("news.raw", 0), 4)
        # Each transaction ends with a marker, an offset without a record: 3, then 7, then 11
        producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id="one")
        await producer.start()
        for last in (3, 7, 11):
            async with producer.transaction():
                for number in range(3):
                    await producer.send("news.raw", EVENT % number, partition=1)
            await until_committed(consumer, TopicPartition("news.raw", 1), last)
        await producer.stop()
        await consumer.stop()
        assert stack.supervisor.restarts("worker") == 0
        await ends_rather_than_empty_a_topic(stack, tmp_path)
