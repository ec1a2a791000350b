"""Asks a Kafka broker what it has."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.errors import BrokerAway, PulsewireError, plainly
from streams.settings import Kafka
from streams.topology import topics

ANSWER_WITHIN_S = 5.0


@contextmanager
def broker_errors(kafka: Kafka) -> Iterator[None]:
    """Turn the client's exceptions into ours.

    Raises:
        BrokerAway: nothing answers at the address.
    """
    # aiokafka logs every failed try, while we say once that the broker is away
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        yield
    except BrokenPipeError:  # whoever reads our output has had enough
        raise
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerAway(f"Kafka at {kafka.servers} does not answer: {plainly(error)}") from error


@asynccontextmanager
async def administrator(kafka: Kafka, *, answer_within_s: float = 10) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, from start to close.

    Raises:
        BrokerAway: nothing answers at the address, at the start or within the block.
    """
    answer_within_ms = round(answer_within_s * 1_000)
    made = AIOKafkaAdminClient(**kafka.aiokafka(), client_id="pulsewire-ask", request_timeout_ms=answer_within_ms)
    with broker_errors(kafka):
        try:
            await made.start()
            yield made
        finally:
            await made.close()


async def list_topics(kafka: Kafka) -> dict[str, int]:
    """Every topic, with the number of its partitions.

    Raises:
        BrokerAway: nothing answers at the address.
    """
    async with administrator(kafka, answer_within_s=ANSWER_WITHIN_S) as admin:
        return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


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
