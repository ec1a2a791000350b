"""Produces to Kafka: one idempotent producer for a process, made anew after trouble."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from streams import faults
from streams.core.message import Outgoing
from streams.errors import BrokerAway, BrokerRefused
from streams.settings import Kafka
from streams.topology import MAX_MESSAGE_BYTES, MEBI


class KafkaPublisher:
    """`ports.Publisher` on aiokafka. Messages of one call to one partition keep their order."""

    def __init__(self, kafka: Kafka, *, client_id: str = "pulsewire") -> None:
        self._kafka = kafka
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See `ports.Publisher`."""
        if not messages:
            return
        producer = await self._ready()
        faults.at("produce")
        try:
            sent = [await _send(producer, message) for message in messages]
            faults.at("produce.sent")
            await asyncio.gather(*sent)
        except MessageSizeTooLargeError as error:
            await self._drop(producer)
            raise BrokerRefused(str(error)) from error
        except (KafkaError, OSError, TimeoutError) as error:
            await self._drop(producer)
            raise BrokerAway(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Let the broker go; a later `publish` connects again."""
        if self._producer is not None:
            await self._drop(self._producer)

    async def _drop(self, producer: AIOKafkaProducer) -> None:
        """Let go of this producer, in whose place another may stand by now: one that failed may be unable to go on."""
        if self._producer is producer:
            self._producer = None
        try:
            async with asyncio.timeout(5):
                await producer.stop()
        except (KafkaError, OSError, TimeoutError):
            pass  # it is away, and what it had not acknowledged is published again by the caller

    async def _ready(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                self._producer = await self._start()
            return self._producer

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._kafka.aiokafka(),
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            compression_type="lz4",
            max_batch_size=MEBI // 4,
            max_request_size=MAX_MESSAGE_BYTES,
            request_timeout_ms=20_000,
        )
        try:
            await producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await producer.stop()
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
        return producer


async def _send(producer: AIOKafkaProducer, message: Outgoing) -> asyncio.Future[Any]:
    if message.key is None and message.value is None:
        return await _send_nothing(producer, message)
    sent: asyncio.Future[Any] = await producer.send(**_arguments(message))
    return sent


async def _send_nothing(producer: AIOKafkaProducer, message: Outgoing) -> asyncio.Future[Any]:
    """A record with neither key nor value: Kafka has such, and other clients send them, but `send` will not."""
    batch = producer.create_batch()
    batch.append(key=None, value=None, timestamp=None, headers=list(message.headers))
    partition = message.partition
    if partition is None:
        partition = min(await producer.partitions_for(message.topic))
    sent: asyncio.Future[Any] = await producer.send_batch(batch, message.topic, partition=partition)
    return sent


def _arguments(message: Outgoing) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "key": message.key,
        "value": message.value,
        "headers": list(message.headers),
        "partition": message.partition,
    }
