"""Tells a stall from a wait: there is something to do, nothing moves, and no transport is being waited for.

Faust consumers can stop fetching without an error (its issues 175 and 640); only ending the process helps.

A partition may stand still because the process has its hands full with others. So the process as a whole is given
little time to move, and each of its partitions much.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from streams.topology import At


class Progress(msgspec.Struct, frozen=True):
    """How far a partition is, as offsets: of the log's end, and of the first record that is not done with."""

    end: int
    done: int

    @property
    def lag(self) -> int:
        """Records not done with yet."""
        return max(0, self.end - self.done)


_NONE: Final = Progress(0, -1)


class Watchdog:
    """Watches for movement. Times are seconds of any clock that only goes forward."""

    def __init__(self, *, patience_s: float, partition_patience_s: float) -> None:
        self._patience_s = patience_s
        self._partition_patience_s = partition_patience_s
        self._progress: dict[At, Progress] = {}
        self._moved_at: dict[At, float] = {}  # or had nothing to do
        self._any_moved_at: float | None = None

    def stalled(self, *, now_s: float, progress: Mapping[At, Progress], waiting: bool) -> str:
        """What there was something to do for but no movement of for longer than the patience, or an empty string."""
        before, self._progress = self._progress, dict(progress)
        moved = {
            at for at in before.keys() | progress.keys() if before.get(at, _NONE).done != progress.get(at, _NONE).done
        }
        lagging = {at for at, one in progress.items() if one.lag and not waiting}
        self._moved_at = {at: self._moved_at[at] if at in lagging - moved else now_s for at in progress}
        if moved or not lagging or self._any_moved_at is None:
            self._any_moved_at = now_s
        if now_s - self._any_moved_at > self._patience_s:
            return "every partition"
        still = (at for at, moved_at in self._moved_at.items() if now_s - moved_at > self._partition_patience_s)
        return next((f"{topic}/{partition}" for topic, partition in still), "")
