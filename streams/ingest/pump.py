"""The one loop that sends: read, wait for the pace, send, take stock. It can be stopped at any moment."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

from streams.ingest.item import Checkpoint, Read, Refusal
from streams.ingest.pace import Pace
from streams.ingest.sender import Sender
from streams.ingest.tally import Tally

WORTH_WAITING_S: Final = 0.002
STOCK_EVERY_S: Final = 0.25


async def pump(
    reads: AsyncGenerator[Read, None], sender: Sender, *, pace: Pace, tally: Tally, stop: asyncio.Event
) -> None:
    """Send everything until the reads end or `stop` is set; then wait until all of it is acknowledged.

    Raises:
        BrokerAway: the broker stopped answering; the tally says what it has.
    """
    going = asyncio.create_task(_go(reads, sender, pace=pace, tally=tally))
    stock = asyncio.create_task(_take_stock(sender))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((going, stopped, stock), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (going, stopped, stock):
            if not task.done():
                task.cancel()
        await asyncio.wait((going, stopped, stock))
    for task in (going, stock):
        if not task.cancelled() and (error := task.exception()):
            raise error
    await sender.flush()


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


async def _take_stock(sender: Sender) -> None:
    """Count acknowledgements while the reader waits for its source."""
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(STOCK_EVERY_S)
            await sender.settle()
