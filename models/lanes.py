"""Whose texts are read next, where several ask at once.

1. Within a lane, first come, first served.
2. Lanes that wait share by weight: what a lane was given, divided by its weight, is its clock, and the lane whose clock
   is behind is next. So none starves, and a short question does not stand behind a long one of another lane.
3. A lane that had nothing to ask joins at the others' clock: there is no credit for having been idle.

Pure: no clock of the world, no threads.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

T = TypeVar("T")

WEIGHTS: Final = {"urgent": 8, "live": 4, "backfill": 1}  # other names are lanes like `live`
_EQUAL: Final = 4
_UNIT: Final = 8  # clocks stay whole numbers: every weight divides it


class Lanes(Generic[T]):
    """Things to do, in lanes."""

    def __init__(self, weights: Mapping[str, int] = WEIGHTS) -> None:
        self._weights = weights
        self._waiting: dict[str, deque[tuple[T, int]]] = {}
        self._clocks: dict[str, int] = {}
        self._now = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def push(self, lane: str, thing: T, *, cost: int) -> None:
        """Have it wait in a lane; `cost` is how much of the workers it will take, in any unit."""
        waiting = self._waiting.setdefault(lane, deque())
        if not waiting:
            self._clocks[lane] = max(self._clocks.get(lane, 0), self._now)
        waiting.append((thing, cost))

    def pop(self) -> T:
        """The next one.

        Raises:
            IndexError: nothing waits.
        """
        waiting = [lane for lane, things in self._waiting.items() if things]
        if not waiting:
            raise IndexError("nothing waits")
        lane = min(waiting, key=lambda name: (self._clocks[name], name))
        thing, cost = self._waiting[lane].popleft()
        self._now = self._clocks[lane]
        self._clocks[lane] += cost * _UNIT // self._weights.get(lane, _EQUAL)
        return thing

    def drop(self, lane: str, over: Callable[[T], bool]) -> None:
        """Have no longer wait in a lane what is over; it cost the lane nothing."""
        self._waiting[lane] = deque((thing, cost) for thing, cost in self._waiting[lane] if not over(thing))
