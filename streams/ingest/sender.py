"""Sending to Kafka with a bounded number of messages in flight.

1. A message counts as sent once the broker acknowledged it, never before.
2. Messages are counted in the order in which they were handed in.
3. A message that the broker will never take is a refusal; trouble with the broker is `BrokerAway`.
"""

import asyncio
import logging
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidMessageError, KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from streams.errors import BrokerAway, PulsewireError
from streams.ingest.item import Item, Refusal
from streams.ingest.tally import Tally
from streams.settings import Kafka
from streams.topology import MAX_MESSAGE_BYTES, RAW, topics

IN_FLIGHT: Final = 5_000
PATIENCE_S: Final = 30.0
STOP_S: Final = 5.0
SAY_FROM_S: Final = 1.0
BACKOFF_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
NEVER: Final = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidMessageError)


class UnknownTopic(PulsewireError):  # noqa: N818 - it says what is so
    """The broker has no such topic."""


class Sender:
    """Hands messages of one topic to a producer and follows each to its acknowledgement."""

    def __init__(self, producer: AIOKafkaProducer, *, topic: str, tally: Tally, in_flight: int = IN_FLIGHT) -> None:
        self._producer = producer
        self._topic = topic
        self._tally = tally
        self._in_flight = in_flight
        self._flying: deque[tuple[asyncio.Future[Any], Item]] = deque()
        self.landed = 0  # acknowledged or refused by the broker

    @property
    def on_their_way(self) -> int:
        """Messages that are neither acknowledged nor refused."""
        return len(self._flying)

    async def send(self, item: Item) -> None:
        """Return once it is on its way; waits while too much is.

        Raises:
            BrokerAway: the broker does not take it.
        """
        try:
            future = await self._producer.send(self._topic, item.value, key=item.key)
        except NEVER as error:
            self._tally.refuse(_too_large(item, error))
            return
        except KafkaError as error:
            raise BrokerAway(f"the broker stopped answering ({type(error).__name__})") from error
        self._flying.append((future, item))
        await self.settle(leave=self._in_flight)

    async def settle(self, leave: int | None = None) -> None:
        """Count what is acknowledged; wait until at most `leave` are in flight, where that is given."""
        while self._flying and (self._flying[0][0].done() or (leave is not None and len(self._flying) > leave)):
            future, item = self._flying[0]
            if not future.done():
                await asyncio.wait((future,))  # a cancelled wait leaves the message on its way
                continue  # whoever else settles may have counted it meanwhile
            self._flying.popleft()
            self._count(future, item)

    async def flush(self) -> None:
        """Return once every message is acknowledged or refused.

        Raises:
            BrokerAway: what was not counted may or may not be there.
        """
        await self.settle(leave=0)

    def _count(self, future: "asyncio.Future[Any]", item: Item) -> None:
        self.landed += 1
        error = future.exception()
        if error is None:
            self._tally.acknowledged(item)
        elif isinstance(error, NEVER):
            self._tally.refuse(_too_large(item, error))
        else:
            for other, _ in self._flying:
                other.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise BrokerAway(f"the broker stopped answering ({type(error).__name__})") from error


@asynccontextmanager
async def producing(kafka: Kafka, *, patience_s: float = PATIENCE_S) -> AsyncIterator[AIOKafkaProducer]:
    """An idempotent producer that is connected; waits for a broker that is away, with back-off.

    Raises:
        BrokerAway: it stayed away; the message says what to do.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # we say it ourselves, once
    producer = await _connect(kafka, patience_s=patience_s)
    try:
        yield producer
    finally:
        try:
            await asyncio.wait_for(producer.stop(), timeout=STOP_S)
        except (KafkaError, TimeoutError):  # the broker is away; what was on its way is told already
            await producer.client.close()


async def require_topic(producer: AIOKafkaProducer, topic: str) -> None:
    """Return when the broker has the topic.

    Raises:
        UnknownTopic: it has not; the message lists those that it has.
    """
    cluster = await producer.client.fetch_all_metadata()
    there = set(cluster.topics(exclude_internal_topics=True))
    if topic in there:
        return
    ours = [name for name in (*RAW.values(), *sorted(topics())) if name in there]
    if not ours and topic in topics():
        raise UnknownTopic(f"the broker has no topic {topic!r} yet: run `pulsewire init` first")
    known = list(dict.fromkeys([*ours, *sorted(there)]))[:30]
    listed = ", ".join(known) if known else "none; `pulsewire init` creates them"
    raise UnknownTopic(f"the broker has no topic {topic!r}; it has: {listed}")


async def _connect(kafka: Kafka, *, patience_s: float) -> AIOKafkaProducer:
    give_up_at = time.monotonic() + patience_s
    attempt = 0
    while True:
        producer = AIOKafkaProducer(
            **kafka.aiokafka(),
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            max_batch_size=262_144,
            max_request_size=2 * MAX_MESSAGE_BYTES,
        )
        try:
            await asyncio.wait_for(producer.start(), timeout=max(1.0, patience_s))
        except (KafkaError, OSError, TimeoutError) as error:
            with suppress(Exception):
                await producer.stop()
            pause_s = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            attempt += 1
            if attempt == 1 and patience_s >= SAY_FROM_S:
                print(f"waiting for the broker at {kafka.servers}", file=sys.stderr, flush=True)
            if time.monotonic() + pause_s > give_up_at:
                raise BrokerAway(
                    f"no broker answers at {kafka.servers}: start one with `pulsewire up`,"
                    " or name yours in PULSEWIRE_KAFKA"
                ) from error
            await asyncio.sleep(pause_s)
        else:
            return producer


def _too_large(item: Item, error: BaseException) -> Refusal:
    detail = f"{len(item.value):,} bytes: {type(error).__name__}"
    return Refusal("too_large", detail, item.source, item.line)
