"""Tells a stall from a wait: events are there, none is acknowledged, and no transport is being waited for.

Faust consumers can stop fetching without an error (its issues 175 and 640); only ending the process helps.
"""

from collections.abc import Mapping

Partition = tuple[str, int]


class Watchdog:
    """Watches lag and progress. Times are seconds of any clock that only goes forward."""

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._position: dict[Partition, int] = {}
        self._moved_at: float | None = None

    def stalled(
        self, *, now_s: float, position: Mapping[Partition, int], lag: Mapping[Partition, int], waiting: bool
    ) -> bool:
        """Whether there has been lag but no progress for longer than the patience."""
        moved = dict(position) != self._position
        self._position = dict(position)
        if moved or waiting or not any(lag.values()) or self._moved_at is None:
            self._moved_at = now_s
        return now_s - self._moved_at > self._patience_s
