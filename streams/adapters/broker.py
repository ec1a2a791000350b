"""Asks a Kafka broker what it has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.errors import BrokerAway, PulsewireError, plainly
from streams.settings import Kafka
from streams.topology import topics

ANSWER_WITHIN_S = 5.0


async def list_topics(kafka: Kafka) -> dict[str, int]:
    """Every topic, with the number of its partitions.

    Raises:
        BrokerAway: nothing answers at the address.
    """
    admin = AIOKafkaAdminClient(**kafka.aiokafka(), client_id="pulsewire-ask", request_timeout_ms=5_000)
    try:
        await admin.start()
        return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    except (KafkaError, OSError) as error:
        raise BrokerAway(f"Kafka at {kafka.servers} does not answer: {plainly(error)}") from error
    finally:
        await admin.close()


async def our_topics(kafka: Kafka) -> dict[str, int]:
    """Each topic of ours, with the number of its partitions.

    Raises:
        BrokerAway: nothing answers at the address.
        PulsewireError: some are missing.
    """
    there = await list_topics(kafka)
    if missing := sorted(topics().keys() - there.keys()):
        raise PulsewireError(f"no such topic: {', '.join(missing)}; run `pulsewire init` first")
    return {name: there[name] for name in topics()}


At = tuple[str, int]  # (topic, partition)
LogEnds = Callable[[Collection[At]], Awaitable[dict[At, int]]]


@asynccontextmanager
async def log_ends(kafka: Kafka) -> AsyncIterator[LogEnds]:
    """Gives a function that asks the broker where logs end now (the next offset).

    It has a connection of its own: a consumer that has stopped fetching does not know how far behind it is. The
    function raises BrokerAway.
    """
    consumer = AIOKafkaConsumer(**kafka.aiokafka(), client_id="pulsewire-watch", isolation_level="read_committed")

    async def ends(of: Collection[At]) -> dict[At, int]:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer = await consumer.end_offsets([TopicPartition(*at) for at in of])
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerAway(f"Kafka at {kafka.servers} does not answer: {plainly(error)}") from error
        return {(tp.topic, tp.partition): end for tp, end in answer.items()}

    await consumer.start()
    try:
        yield ends
    finally:
        await consumer.stop()
