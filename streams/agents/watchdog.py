"""Tells a stall from a wait: there is something to do, nothing moves, and no transport is being waited for.

Faust consumers can stop fetching without an error (its issues 175 and 640); only ending the process helps.
"""

from collections.abc import Mapping

import msgspec

from streams.topology import At


class Progress(msgspec.Struct, frozen=True):
    """How far a partition is, as offsets of the next record: in the log, fetched, acknowledged."""

    end: int
    fetched: int
    acknowledged: int | None = None  # None before the first

    def lag(self, *, busy: bool) -> int:
        """Records not acknowledged yet.

        The last offsets of a log may hold no record (a transaction's marker): who has fetched past them and is not busy
        has nothing left to do.
        """
        done = self.acknowledged if busy and self.acknowledged is not None else self.fetched
        return max(0, self.end - done)


class Watchdog:
    """Watches for movement. Times are seconds of any clock that only goes forward."""

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._progress: dict[At, Progress] = {}
        self._moved_at: float | None = None

    def stalled(self, *, now_s: float, progress: Mapping[At, Progress], busy: bool, waiting: bool) -> bool:
        """Whether there was something to do but no movement for longer than the patience."""
        moved = _places(progress) != _places(self._progress)
        idle = not busy and not any(one.lag(busy=False) for one in progress.values())
        self._progress = dict(progress)
        if moved or idle or waiting or self._moved_at is None:
            self._moved_at = now_s
        return now_s - self._moved_at > self._patience_s


def _places(progress: Mapping[At, Progress]) -> dict[At, tuple[int, int | None]]:
    return {at: (one.fetched, one.acknowledged) for at, one in progress.items()}
