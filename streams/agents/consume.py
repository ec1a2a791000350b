"""A Faust agent around a carrier: takes batches, carries them, acknowledges them. Nothing is decided here."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import faust

from streams import faults
from streams.agents.carry import Carrier
from streams.core.event import Record
from streams.settings import Settings

Positions = dict[tuple[str, int], int]  # next offset of each partition: all before it is acknowledged


def consume(
    app: faust.App, *, topic: str, carrier: Carrier, settings: Settings, positions: Positions
) -> Callable[[Any], Awaitable[None]]:
    """Register an agent on a topic."""

    async def agent(stream: Any) -> None:
        batches: AsyncIterator[Sequence[Any]] = stream.noack().noack_take(
            settings.batch_size, within=settings.batch_within_ms / 1_000
        )
        async for batch in batches:
            generation = app.consumer_generation_id
            # What was fetched before a rebalance comes again, to whoever owns its partition now
            events = [event for event in batch if event.message.generation_id == generation]
            if not events:
                continue
            await carrier.carry([record_of(event.message) for event in events], generation=generation)
            faults.at("acknowledge")
            for event in events:
                message = event.message
                app.consumer.finish(message)
                faults.at("acknowledge.half")
                positions[message.topic, message.partition] = message.offset + 1

    agent.__name__ = f"consume_{topic.replace('.', '_')}"
    source = app.topic(topic, key_serializer="raw", value_serializer="raw", value_type=bytes, key_type=bytes)
    app.agent(source, name=agent.__name__, concurrency=1)(agent)
    return agent


def record_of(message: Any) -> Record:
    """Kafka's message as Faust has it, as a record of ours."""
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=round(message.timestamp * 1_000),
        key=message.key,
        value=message.value,
        headers=tuple((name, bytes(value or b"")) for name, value in message.headers or ()),
    )
