"""One run of `pulsewire ingest`: connect, check the topic, send, report."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec

from streams.errors import BrokerAway
from streams.ingest.item import Item, Read
from streams.ingest.pace import Pace
from streams.ingest.progress import showing
from streams.ingest.pump import pump
from streams.ingest.sender import PATIENCE_S, Sender, producing, require_topic
from streams.ingest.tally import Tally
from streams.settings import Kafka

Reads = AsyncGenerator[Read, None]


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended. `failure` is the one line that says why it did not get to its end."""

    tally: Tally
    seconds: float
    failure: str = ""
    stopped: bool = False


async def ingest(
    kafka: Kafka, *, topic: str, reads: Callable[[Tally], Reads], pace: Pace, total_bytes: int = 0,
    patience_s: float = PATIENCE_S,
) -> Outcome:  # fmt: skip
    """Send what the reads give. A broker that goes away in the middle is an outcome, with the counts up to there.

    Raises:
        BrokerAway: no broker answered at all.
        UnknownTopic: it has no such topic.
    """
    tally, stop, start_s = Tally(total_bytes=total_bytes), asyncio.Event(), time.monotonic()
    failure = ""
    async with _connected(kafka, topic=topic, patience_s=patience_s) as producer:
        start_s = time.monotonic()
        with _stopping(stop):
            async with showing(tally):
                try:
                    await pump(
                        reads(tally), Sender(producer, topic=topic, tally=tally), pace=pace, tally=tally, stop=stop
                    )
                except BrokerAway as error:
                    failure = f"{error}; {_progress(tally)}"
    return Outcome(tally, time.monotonic() - start_s, failure, stop.is_set())


async def latest_ms(reads: Reads) -> int | None:
    """The time of the latest message; None where none has one."""
    latest: int | None = None
    async for read in reads:
        if isinstance(read, Item) and read.time_ms is not None:
            latest = read.time_ms if latest is None else max(latest, read.time_ms)
    return latest


@asynccontextmanager
async def _connected(kafka: Kafka, *, topic: str, patience_s: float) -> AsyncIterator[Any]:
    async with producing(kafka, patience_s=patience_s) as producer:
        await require_topic(producer, topic)
        yield producer


@contextmanager
def _stopping(stop: asyncio.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the reading; what was read still gets there."""
    loop = asyncio.get_running_loop()
    signals = () if sys.platform == "win32" else (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _progress(tally: Tally) -> str:
    if tally.last is None or not tally.last.line:
        return f"{tally.sent:,} were acknowledged"
    last = tally.last
    return (
        f"{tally.sent:,} were acknowledged, to line {last.line} of {last.source}:"
        f" go on there with --skip {last.line} once the broker is back"
    )
