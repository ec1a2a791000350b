"""A Faust agent around a carrier: takes parcels, has batches of them carried, acknowledges them. Decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import faust

from streams import faults
from streams.agents.carry import Carrier
from streams.agents.in_hand import InHand
from streams.agents.intake import Batch, Intake
from streams.settings import Settings


def consume(
    app: faust.App, *, topic: str, carrier: Carrier, in_hand: InHand, settings: Settings
) -> Callable[[Any], Awaitable[None]]:
    """Register an agent on a topic."""

    def acknowledge(batch: Batch) -> None:
        faults.at("acknowledge")
        consumer = app.consumer  # which Faust looks up anew each time
        for record in batch.records:
            consumer.finish(record, generation=batch.generation)
            faults.at("acknowledge.half")

    async def agent(stream: Any) -> None:
        intake = Intake(
            generation=lambda: app.consumer_generation_id,
            most=settings.batch_size,
            within_s=settings.batch_within_ms / 1_000,
        )
        lane = in_hand.lane(carrier, intake, acknowledge)
        async with asyncio.TaskGroup() as group:
            group.create_task(carrier.run(intake, acknowledge))
            async for event in stream.noack().events():
                message = event.message
                await in_hand.bring(lane, message.records, generation=message.generation_id)

    agent.__name__ = f"consume_{topic.replace('.', '_')}"
    source = app.topic(topic, key_serializer="raw", value_serializer="raw", value_type=bytes, key_type=bytes)
    app.agent(source, name=agent.__name__, concurrency=1)(agent)
    return agent
