"""The embedded broker, through the client that the stream uses."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.embedded.kafka import cluster_id
from infra.embedded.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunningStack

pytestmark = pytest.mark.stack
FIVE_MB = 5_000_000


async def make_topic(kafka: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 4, 1)])
    await admin.close()


async def produce(kafka: str, topic: str, *values: bytes) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=kafka, max_request_size=16_000_000, enable_idempotence=True
    ) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def consume(kafka: str, topic: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=f"of {topic}", auto_offset_reset="earliest"
    ) as consumer:
        return [(await consumer.getone()).value for _ in range(count)]


async def test_what_is_produced_is_consumed(stack: RunningStack):
    await make_topic(stack.addresses.kafka, "broker.small")
    await produce(stack.addresses.kafka, "broker.small", b"one", b"two")
    assert sorted(await consume(stack.addresses.kafka, "broker.small", 2)) == [b"one", b"two"]


async def test_a_value_of_five_megabytes_passes(stack: RunningStack):
    await make_topic(stack.addresses.kafka, "broker.large")
    await produce(stack.addresses.kafka, "broker.large", bytes(FIVE_MB))
    assert [len(value) for value in await consume(stack.addresses.kafka, "broker.large", 1)] == [FIVE_MB]


async def test_topics_are_not_made_by_accident(stack: RunningStack):
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.addresses.kafka)
    await admin.start()
    await admin.describe_topics(["broker.typo"])
    assert "broker.typo" not in await admin.list_topics()
    await admin.close()


def test_a_cluster_id_is_never_taken_for_an_option():
    assert all(cluster_id()[0].isalpha() for _ in range(500))


async def test_a_folder_keeps_its_messages_on_other_ports_and_after_a_kill(tmp_path: Path):
    async with Stack(tmp_path, say=lambda _: None) as first:
        await make_topic(first.addresses.kafka, "kept")
        await produce(first.addresses.kafka, "kept", b"before the kill")
        first.supervisor.kill("kafka", signal.SIGKILL)
        first.supervisor.kill("clickhouse", signal.SIGKILL)
    async with Stack(tmp_path, say=lambda _: None) as second:
        assert second.addresses.kafka != first.addresses.kafka
        await produce(second.addresses.kafka, "kept", b"after it")
        assert sorted(await consume(second.addresses.kafka, "kept", 2)) == [b"after it", b"before the kill"]
