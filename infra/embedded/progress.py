"""How far a download is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_LINES = 4  # plain lines for a whole download: enough to see that it moves, too few to bury a log


class Progress:
    """Counts bytes from many threads; a context manager, since a bar has to be taken down again."""

    def __init__(self, title: str, *, total_bytes: int, say: Callable[[str], None]) -> None:
        self._title, self._total, self._say = title, max(total_bytes, 1), say
        self._done = self._said = 0
        self._lock = threading.Lock()
        self._bar = self._make_bar() if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=self._total)
        else:
            self._say(f"{self._title}: {_mb(self._total)} to fetch")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, count_bytes: int) -> None:
        """Count bytes that came, or (negative) that have to come again."""
        with self._lock:
            self._done += count_bytes
            step = self._done * _LINES // self._total
            tell, self._said = step > self._said, max(step, self._said)
        if self._bar:
            self._bar.advance(self._task, count_bytes)
        elif tell:
            self._say(f"{self._title}: {_mb(self._done)} of {_mb(self._total)}")

    @staticmethod
    def _make_bar() -> Bar:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        return Bar(*columns, console=Console(stderr=True), transient=True)


def _mb(count_bytes: int) -> str:
    return f"{count_bytes / 1e6:.1f} MB"
