"""Topic to table with FastStream: its batch subscriber on aiokafka, the work in a thread."""

import asyncio

import uvloop
from faststream import FastStream
from faststream.kafka import KafkaBroker
from rows import BATCH, WITHIN_S, Sink, asked


def main():
    options = asked()
    sink = Sink(options)
    broker = KafkaBroker(options.kafka, logger=None)

    @broker.subscriber(
        options.topic, batch=True, group_id=f"race-{options.topic}", auto_offset_reset="earliest",
        max_records=BATCH, batch_timeout_ms=int(WITHIN_S * 1_000),
    )  # fmt: skip
    async def store(events: list[dict]):
        await asyncio.to_thread(sink.put_events, events)

    uvloop.run(FastStream(broker, logger=None).run())


if __name__ == "__main__":
    main()
