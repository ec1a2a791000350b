"""How many dead letters are too many: a topic whose events cannot be read is better left where it is than emptied.

Of at least the last `window` events of a topic, counted in batches, no more than `share` may be dead letters. Fewer
events than that count as if those that are missing were good: up to `share * window` dead letters are never too many.

A process begins to count anew. Whoever starts it again after this has a topic emptied after all, so nobody should.
"""

from collections import deque
from typing import Final

import msgspec

EXIT: Final = 65  # EX_DATAERR: the code of a worker that stopped for this


class DlqLimit(msgspec.Struct, frozen=True):
    """What is allowed. A share of 1 allows everything."""

    share: float = 0.5
    window: int = 1_000


class LetterCount:
    """The last events of one topic."""

    def __init__(self, limit: DlqLimit) -> None:
        self._limit = limit
        self._batches: deque[tuple[int, int]] = deque()  # (events, dead letters among them)
        self._events = self._letters = 0

    def add(self, events: int, letters: int) -> None:
        """So many events are done with, so many of them as dead letters."""
        self._batches.append((events, letters))
        self._events, self._letters = self._events + events, self._letters + letters
        while self._events - self._batches[0][0] >= self._limit.window:
            gone, were_letters = self._batches.popleft()
            self._events, self._letters = self._events - gone, self._letters - were_letters

    def too_many(self, events: int, letters: int) -> bool:
        """Whether these would be too many, were they added."""
        if not letters:
            return False
        after = LetterCount(self._limit)
        after._batches, after._events, after._letters = self._batches.copy(), self._events, self._letters
        after.add(events, letters)
        return after._letters > self._limit.share * max(after._events, self._limit.window)

    def wording(self, topic: str, *, code: str) -> str:
        """What is wrong and what to do, in one line."""
        share = f"{self._limit.share:.0%} of the last {self._limit.window:,} events"
        return (
            f"stopped: more than {share} of {topic} are dead letters, of late for {code}. Nothing of this batch was"
            " sent or acknowledged. See `pulsewire dlq list` for what is wrong and mend the producer; to let such"
            " events pass all the same, start with PULSEWIRE_DLQ_LIMIT_SHARE=1"
        )
