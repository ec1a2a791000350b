"""How far a partition is done: which offset may be committed.

1. Offsets are delivered in order and done in any order. What may be committed is the offset after the last one before
   which all that was delivered is done.
2. Only what was delivered counts. Kafka has offsets with no record to read (a transaction's marker, what compaction or
   retention took away), the committed one among them: nobody waits for those.
"""

from collections import deque


class Deliveries:
    """One partition in one generation of the assignment."""

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()  # delivered, in order, and not known to be done with all before them
        self._done: set[int] = set()
        self._last = -1
        self._committable: int | None = None

    def deliver(self, offset: int) -> None:
        """It was handed out. What is handed out again, after seeking back, waits where it waited."""
        if offset > self._last:
            self._waiting.append(offset)
            self._last = offset

    def finish(self, offset: int) -> None:
        """It is done."""
        if not self._waiting or offset < self._waiting[0]:
            return
        self._done.add(offset)
        while self._waiting and self._waiting[0] in self._done:
            reached = self._waiting.popleft()
            self._done.discard(reached)
            self._committable = reached + 1

    @property
    def waiting(self) -> int | None:
        """The first offset that was delivered and is not done, or None."""
        return self._waiting[0] if self._waiting else None

    @property
    def committable(self) -> int | None:
        """The offset to commit, or None while the first that was delivered is not done."""
        return self._committable
