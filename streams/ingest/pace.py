"""How fast to go: at most so many events a second, and not ahead of the events' own time."""


class Pace:
    """Says how long to wait before an event. Takes the clock as an argument."""

    def __init__(
        self, *, rate: float | None = None, speed: float | None = None, origin: tuple[int, float] | None = None
    ) -> None:
        """`rate` in events a second; `speed` as a multiple of real time. None or 0: as fast as possible.

        `origin` says which event time (ms) is due at which reading of the clock (s); the first event when not given.
        """
        self._gap_s = 1 / rate if rate else 0.0
        self._speed = speed or 0.0
        self._slot_s = 0.0
        self._origin = origin

    def wait_s(self, time_ms: int | None, now_s: float) -> float:
        """Seconds until an event that happened at `time_ms` may go; 0 for one that is late."""
        due = now_s
        if self._speed and time_ms is not None:
            self._origin = self._origin or (time_ms, now_s)
            first_ms, start_s = self._origin
            due = max(due, start_s + (time_ms - first_ms) / 1_000 / self._speed)
        if self._gap_s:
            due = max(due, self._slot_s)
            self._slot_s = due + self._gap_s
        return due - now_s
