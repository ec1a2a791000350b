"""Reads topics from the log itself: without a group, so that looking changes nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
)
from aiokafka.structs import OffsetAndMetadata

from streams.adapters.broker import ANSWER_WITHIN_S, administrator, broker_errors
from streams.adapters.header_names import forgive_header_names
from streams.core.event import Record
from streams.errors import PulsewireError
from streams.settings import Kafka
from streams.topology import MAX_MESSAGE_BYTES, MEBI, At

_FETCH_BYTES: Final = MAX_MESSAGE_BYTES + MEBI
COORDINATOR_WAITS_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)

LogEnds = Callable[[Collection[At]], Awaitable[dict[At, int]]]


@asynccontextmanager
async def consumer(kafka: Kafka, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of ours, from start to stop. All but Faust's are made here, and read whatever Kafka takes.

    Raises:
        BrokerAway: nothing answers at the address, at the start or within the block.
    """
    options = {
        "enable_auto_commit": False,
        "max_partition_fetch_bytes": _FETCH_BYTES,
        "client_id": "pulsewire",
    } | options
    forgive_header_names()
    made = AIOKafkaConsumer(**kafka.aiokafka(), **options)
    with broker_errors(kafka):
        try:
            await made.start()
            yield made
        finally:
            with contextlib.suppress(KafkaError, OSError):
                await made.stop()


async def partitions_of(kafka: Kafka, topics: Collection[str]) -> list[TopicPartition]:
    """Every partition of these topics, in order.

    Raises:
        BrokerAway: Kafka does not answer.
        PulsewireError: there is no such topic.
    """
    async with administrator(kafka) as admin:
        described = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    if missing := sorted(set(topics) - described.keys()):
        raise PulsewireError(f"no such topic: {', '.join(missing)}; run `pulsewire init` first")
    return sorted(TopicPartition(topic, one["partition"]) for topic in topics for one in described[topic])


async def extents(client: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
    """First offset and end of each partition as they are now."""
    starts = await client.beginning_offsets(partitions)
    ends = await client.end_offsets(partitions)
    return {tp: (starts[tp], ends[tp]) for tp in partitions}


@asynccontextmanager
async def log_ends(kafka: Kafka) -> AsyncIterator[LogEnds]:
    """Gives a function that asks the broker where logs end now (the next offset).

    It has a connection of its own: a consumer that has stopped fetching does not know how far behind it is.

    Raises:
        BrokerAway: nothing answers at the address; so does the function.
    """
    async with consumer(kafka, client_id="pulsewire-watch", isolation_level="read_committed") as client:

        async def ends(of: Collection[At]) -> dict[At, int]:
            with broker_errors(kafka):
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    answer = await client.end_offsets([TopicPartition(*at) for at in of])
            return {(tp.topic, tp.partition): end for tp, end in answer.items()}

        yield ends


async def read(client: AIOKafkaConsumer, stretches: dict[TopicPartition, tuple[int, int]]) -> AsyncIterator[Record]:
    """Every record of these stretches [from, to) of partitions, each partition in order."""
    left = {tp: (start, end) for tp, (start, end) in stretches.items() if start < end}
    client.assign(list(left))
    for tp, (start, _) in left.items():
        client.seek(tp, start)
    while left:
        fetched = await client.getmany(*left, timeout_ms=1_000, max_records=500)
        for tp, records in fetched.items():
            for record in records:
                if record.offset < left[tp][1]:
                    yield record_of(record)
        for tp in list(left):
            # the position also passes what holds no record, such as a transaction's marker
            if await client.position(tp) >= left[tp][1]:
                del left[tp]


async def committed(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
    """What a group has committed; empty where there is no such group.

    Raises:
        KafkaError: the broker does not say.
    """
    for wait_s in COORDINATOR_WAITS_S:
        try:
            return dict(await admin.list_consumer_group_offsets(group))
        except (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError, GroupLoadInProgressError):
            await asyncio.sleep(wait_s)  # a fresh broker makes its topic of offsets when it is first asked for one
    return dict(await admin.list_consumer_group_offsets(group))


def record_of(record: Any) -> Record:
    """A record of aiokafka's as ours."""
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )
