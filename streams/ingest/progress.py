"""Showing how far it is: a bar on a terminal, a plain line every few seconds elsewhere. All of it on standard error."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from streams.ingest.tally import Tally

FRAME_S: Final = 0.2
LINE_EVERY_S: Final = 5.0


@asynccontextmanager
async def showing(tally: Tally) -> AsyncIterator[None]:
    """Show the tally while the block runs."""
    show = _bar if sys.stderr.isatty() else _plain_lines
    task = asyncio.create_task(show(tally, time.monotonic()))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _bar(tally: Tally, start_s: float) -> None:
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=tally.total_bytes or None)
        while True:
            line = tally.line(time.monotonic() - start_s)
            bar.update(task, completed=tally.read_bytes, description=line)
            await asyncio.sleep(FRAME_S)


async def _plain_lines(tally: Tally, start_s: float) -> None:
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        print(tally.line(time.monotonic() - start_s), file=sys.stderr, flush=True)
