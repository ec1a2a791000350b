"""The one loop that sends: read, wait for the pace, send, take stock. It can be stopped at any moment.

The producer repeats what is not acknowledged for ever. So it is watched from here: when messages are on their way and
nothing is acknowledged for too long, the broker is away.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from streams.errors import BrokerAway
from streams.ingest.item import Checkpoint, Read, Refusal
from streams.ingest.pace import Pace
from streams.ingest.sender import PATIENCE_S, Sender
from streams.ingest.tally import Tally

WORTH_WAITING_S: Final = 0.002
STOCK_EVERY_S: Final = 0.25


async def pump(
    reads: AsyncGenerator[Read, None],
    sender: Sender,
    *,
    pace: Pace,
    tally: Tally,
    stop: asyncio.Event,
    patience_s: float = PATIENCE_S,
) -> None:
    """Send everything until the reads end or `stop` is set; then wait until all of it is acknowledged.

    Raises:
        BrokerAway: the broker stopped answering; the tally says what it has.
    """
    watch = asyncio.create_task(_watch(sender, patience_s=patience_s))
    try:
        going = asyncio.create_task(_go(reads, sender, pace=pace, tally=tally))
        await _first_of(going, asyncio.create_task(stop.wait()), watch=watch)
        await _first_of(asyncio.create_task(sender.flush()), watch=watch)
    finally:
        watch.cancel()
        await asyncio.wait((watch,))


async def _go(reads: AsyncGenerator[Read, None], sender: Sender, *, pace: Pace, tally: Tally) -> None:
    async with aclosing(reads):
        async for read in reads:
            if isinstance(read, Refusal):
                tally.refuse(read)
            elif isinstance(read, Checkpoint):
                await sender.flush()
                read.commit()
            else:
                wait_s = pace.wait_s(read.time_ms, time.monotonic())
                if wait_s > WORTH_WAITING_S:
                    await asyncio.sleep(wait_s)
                await sender.send(read)


async def _watch(sender: Sender, *, patience_s: float) -> None:
    """Count acknowledgements while the reader waits for its source; raise when they stay out."""
    landed, since_s = -1, time.monotonic()
    while True:
        await asyncio.sleep(STOCK_EVERY_S)
        await sender.settle()
        if sender.landed != landed or not sender.on_their_way:
            landed, since_s = sender.landed, time.monotonic()
        elif time.monotonic() - since_s > patience_s:
            raise BrokerAway(f"the broker acknowledged nothing for {patience_s:g} seconds")


async def _first_of(*tasks: "asyncio.Task[Any]", watch: "asyncio.Task[None]") -> None:
    """Return when one of the tasks is done, without the others; raise what went wrong, in the watch too."""
    try:
        await asyncio.wait((*tasks, watch), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in (*tasks, watch):
        if task.done() and not task.cancelled() and (error := task.exception()):
            raise error
