"""How far a command is, on standard error: a bar on a terminal, a line every ten seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from streams.cli.output import say

LINE_EVERY_S: Final = 10.0
Advance = Callable[[int], None]


@contextmanager
def progress(noun: str, *, total: int | None, done: Callable[[], int] | None = None) -> Iterator[Advance]:
    """Show it while the block runs; call what it gives with how many more are done.

    Args:
        noun: what is counted, such as `lines`.
        total: when it is full, in the unit of `done`; None where nobody knows.
        done: how much of the total is done, where that is not the count itself.
    """
    rate = Rate()
    if not sys.stderr.isatty():
        yield plain_lines(rate, noun)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"0 {noun}", total=total)

        def advance(count: int) -> None:
            rate.add(count)
            bar.update(task, description=rate.line(noun), completed=done() if done else rate.count)

        yield advance
    say(rate.line(noun))


def plain_lines(rate: "Rate", noun: str) -> Advance:
    """A line every ten seconds, and none before that."""
    said_at_s = time.monotonic()

    def advance(count: int) -> None:
        nonlocal said_at_s
        rate.add(count)
        if time.monotonic() - said_at_s >= LINE_EVERY_S:
            said_at_s = time.monotonic()
            say(rate.line(noun))

    return advance


class Rate:
    """Counts, and how fast."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self.count = 0

    def add(self, count: int) -> None:
        """So many more."""
        self.count += count

    def line(self, noun: str) -> str:
        """Such as `1,234 lines, 210/s`."""
        return f"{self.count:,} {noun}, {self.count / max(0.001, time.monotonic() - self._start_s):,.0f}/s"
