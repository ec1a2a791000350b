"""Topic to table with plain Faust: a batch is taken, read and inserted in a thread, so that the loop stays free."""

import asyncio

import faust
import uvloop
from rows import BATCH, WITHIN_S, Sink, asked


def main():
    options = asked()
    sink = Sink(options)
    app = faust.App(
        f"race-{options.topic}", broker=f"kafka://{options.kafka}", datadir=options.state, web_enabled=False,
        topic_disable_leader=True, consumer_auto_offset_reset="earliest", stream_wait_empty=False,
    )  # fmt: skip
    topic = app.topic(options.topic, key_serializer="raw", value_serializer="raw")

    @app.agent(topic)
    async def store(stream):
        async for values in stream.take(BATCH, within=WITHIN_S):
            await asyncio.to_thread(sink.put, values)

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = faust.Worker(app, loop=loop, loglevel="warn", redirect_stdouts=False, quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
