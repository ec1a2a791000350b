"""Produces to Kafka: one idempotent producer for a process, made anew after trouble.

Messages are gathered into whole batches here: aiokafka's `send` makes a future, a task and a timer for each message,
which costs more than all that an event needs besides.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from aiokafka import AIOKafkaProducer, codec
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from streams import faults
from streams.adapters.placing import placing
from streams.core.message import Outgoing
from streams.errors import BrokerAway, BrokerRefused
from streams.settings import Kafka
from streams.topology import MAX_MESSAGE_BYTES, MEBI, At

# aiokafka has no setting for it, and compresses at level 9: eight times the processor for a fifth fewer bytes
codec.lz4_encode.__defaults__ = (1,)

OVERHEAD: Final = 1_024  # of a request and a batch around one message
SHORT: Final = 256  # bytes of a key that is remembered: producers may send keys of megabytes


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
            topics = {message.topic for message in messages}
            batches = _Batches(producer, {topic: sorted(await producer.partitions_for(topic)) for topic in topics})
            for message in messages:
                batches.add(message)
            sent = await batches.sent()
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
            max_batch_size=MEBI,
            max_request_size=MAX_MESSAGE_BYTES,
            request_timeout_ms=20_000,
        )
        try:
            await producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await producer.stop()
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
        return producer


class _Batches:
    """Messages of one call, in batches by topic and partition."""

    def __init__(self, producer: AIOKafkaProducer, partitions: Mapping[str, Sequence[int]]) -> None:
        self._producer = producer
        self._partitions = partitions
        self._all: list[tuple[At, Any]] = []
        self._open: dict[At, Any] = {}
        self._keyless: dict[str, int] = {}  # the partition that takes what has no key, until its batch is full

    def add(self, message: Outgoing) -> None:
        """Put it where it belongs.

        Raises:
            MessageSizeTooLargeError: no broker of ours takes it.
        """
        at = message.topic, self._place(message)
        headers = list(message.headers)
        batch = self._open.get(at) or self._begin(at)
        added = batch.append(key=message.key, value=message.value, timestamp=None, headers=headers)
        if added is None:  # full; an empty batch takes any message
            self._keyless.pop(message.topic, None)
            added = self._begin(at).append(key=message.key, value=message.value, timestamp=None, headers=headers)
        if added.size > MAX_MESSAGE_BYTES - OVERHEAD:
            raise MessageSizeTooLargeError(f"a message of {added.size} bytes, at most {MAX_MESSAGE_BYTES} are taken")

    async def sent(self) -> list[asyncio.Future[Any]]:
        """Send all, in order; what is returned is done when the broker has acknowledged it."""
        return [
            await self._producer.send_batch(batch, topic, partition=partition)
            for (topic, partition), batch in self._all
        ]

    def _begin(self, at: At) -> Any:
        batch = self._open[at] = self._producer.create_batch()
        self._all.append((at, batch))
        return batch

    def _place(self, message: Outgoing) -> int:
        if message.partition is not None:
            return message.partition
        topic = message.topic
        partitions = self._partitions[topic]
        if message.key is not None:
            return partitions[_placed(message.key, len(partitions))]
        if topic not in self._keyless:
            self._keyless[topic] = random.choice(partitions)  # noqa: S311 - spreads load, hides nothing
        return self._keyless[topic]


def _placed(key: bytes, partitions: int) -> int:
    return _remembered(key, partitions) if len(key) <= SHORT else placing(partitions)(key)


@lru_cache(65_536)  # series come again and again, and murmur2 is written in Python: 10 us a key
def _remembered(key: bytes, partitions: int) -> int:
    return placing(partitions)(key)
