"""What was fetched and is not taken yet, between Faust, which brings parcels, and a carrier, which takes batches."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from streams.core.event import Record


class Batch(msgspec.Struct, frozen=True):
    """Records of one generation of the assignment, of each partition in order."""

    records: list[Record]
    generation: int


class _Parcel(msgspec.Struct, frozen=True):
    """What was brought at once, or the rest of it."""

    generation: int
    records: Sequence[Record]  # never none
    due: float  # by the event loop's clock


class Intake:
    """Holds records, in order, until a batch of them is taken. It holds little: who brings more waits."""

    def __init__(self, *, generation: Callable[[], int], most: int, within_s: float) -> None:
        """`generation` tells the one in force; a batch has at most `most`, and none waits `within_s` for more."""
        self._now_in = generation
        self._within_s = within_s
        self.most = most
        self._waiting: deque[_Parcel] = deque()
        self._held = 0
        self._came = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    async def put(self, records: Sequence[Record], *, generation: int) -> None:
        """Return once they are held."""
        while self._held >= self.most:
            self._room.clear()
            await self._room.wait()
        if records:
            self._waiting.append(_Parcel(generation, records, asyncio.get_running_loop().time() + self._within_s))
            self._held += len(records)
            self._came.set()

    async def take(self, size: int) -> Batch:
        """The next batch, as soon as it has this size or the first of it has waited long enough.

        That may have been while the batch before was read: then it does not wait again.
        """
        while True:
            await self._wait_for(1)
            if self._held < size:
                try:
                    async with asyncio.timeout_at(self._waiting[0].due):
                        await self._wait_for(size)
                except TimeoutError:
                    pass
            if not self._closed and (batch := self._cut(size)):
                return batch

    def close(self) -> None:
        """Nothing is taken from here on: who asks waits for ever. What waits comes again, to whoever reads it next."""
        self._closed = True

    async def _wait_for(self, count: int) -> None:
        while self._held < count or self._closed:
            self._came.clear()
            await self._came.wait()

    def _cut(self, size: int) -> Batch | None:
        """What was fetched before a rebalance is left out: it comes again, to whoever owns its partition now."""
        generation = self._now_in()
        records: list[Record] = []
        while self._waiting and (room := size - len(records)):
            parcel = self._waiting.popleft()
            some = parcel.records
            if parcel.generation == generation:
                records += some[:room]
                if len(some) > room:
                    self._waiting.appendleft(msgspec.structs.replace(parcel, records=some[room:]))
                    some = some[:room]
            self._held -= len(some)
        self._room.set()
        return Batch(records, generation) if records else None
