"""Follows a topic for as long as somebody looks, through broker trouble."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.adapters.topic_log import consumer, partitions_of, record_of
from streams.core.event import Record
from streams.errors import BrokerAway
from streams.settings import Kafka

RETRY_S: Final = 1.0
QUIET_MS: Final = 3_000  # after so long without a record, ask whether the broker is still there
ANSWER_S: Final = 5.0


async def tail(kafka: Kafka, topic: str, *, from_beginning: bool, say: Callable[[str], None]) -> AsyncIterator[Record]:
    """Records as they come, for ever. A broker that is away is waited for, and that is said once.

    Raises:
        PulsewireError: there is no such topic.
    """
    away = False
    positions: dict[TopicPartition, int] = {}
    while True:
        try:
            partitions = await partitions_of(kafka, [topic])
            async with consumer(kafka) as client:
                await _take_up(client, partitions, positions, from_beginning=from_beginning)
                if away:
                    say(f"Kafka at {kafka.servers} answers")
                    away = False
                async for record in _records(client, positions):
                    yield record
        except BrokerAway as error:
            if not away:
                say(f"waiting: {error}")
            away = True
            await asyncio.sleep(RETRY_S)


async def _take_up(
    client: AIOKafkaConsumer,
    partitions: list[TopicPartition],
    positions: dict[TopicPartition, int],
    *,
    from_beginning: bool,
) -> None:
    """Go on where we were; at first at the beginning, or at the end as it is now."""
    edges = await (client.beginning_offsets if from_beginning else client.end_offsets)(partitions)
    client.assign(partitions)
    for tp in partitions:
        client.seek(tp, positions.setdefault(tp, edges[tp]))


async def _records(client: AIOKafkaConsumer, positions: dict[TopicPartition, int]) -> AsyncIterator[Record]:
    while True:
        fetched = await client.getmany(timeout_ms=QUIET_MS)
        for tp, records in fetched.items():
            for record in records:
                positions[tp] = record.offset + 1
                yield record_of(record)
        if not fetched:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await client.end_offsets(list(positions))
            except (KafkaError, TimeoutError) as error:
                raise BrokerAway(f"it went away ({type(error).__name__})") from error
