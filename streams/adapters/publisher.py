"""Produces to Kafka: one idempotent producer for a process, made anew after trouble."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from streams import faults
from streams.core.message import Outgoing
from streams.errors import BrokerAway
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
            sent = [await producer.send(**_arguments(message)) for message in messages]
            faults.at("produce.sent")
            await asyncio.gather(*sent)
        except MessageSizeTooLargeError:
            raise
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()  # a failed idempotent producer may be unable to go on
            raise BrokerAway(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Let the broker go; a later `publish` connects again."""
        producer, self._producer = self._producer, None
        if producer is not None:
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


def _arguments(message: Outgoing) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "key": message.key,
        "value": message.value,
        "headers": list(message.headers),
        "partition": message.partition,
    }
