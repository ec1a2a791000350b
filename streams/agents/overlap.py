"""Carries batches through a hop of two steps, so that one is prepared while the one before is flushed.

1. Flushes follow each other: a flush begins when the one before is done, and so batches are done in order.
2. A batch may be prepared on what another has counted that is not flushed yet. Where that flush fails for good, the hop
   forgets, the failed batch is carried alone, and what was prepared on it is prepared anew.
3. A new generation of the assignment begins when nothing of the old one is in the air.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from streams.agents.carry import Carrier, Hop, Patiently
from streams.agents.intake import Batch, Intake
from streams.core.backoff import Backoff
from streams.core.event import Record
from streams.core.pace import Pace

P = TypeVar("P")


class TwoSteps(Hop, Protocol[P]):
    """A hop whose work is in two steps."""

    async def prepare(self, records: Sequence[Record], *, generation: int) -> P:
        """Read and count records; raises Unreachable where nothing was counted and it may be called again."""

    async def flush(self, prepared: P) -> None:
        """Store and publish; raises Unreachable where it may be called again."""


class Overlapping(Carrier, Generic[P]):
    """A carrier that has one batch flushed and the next prepared."""

    def __init__(self, name: str, hop: TwoSteps[P], *, backoff: Backoff | None = None) -> None:
        super().__init__(name, hop, backoff=backoff)
        self._steps = hop
        self._flushing = Patiently(name, backoff or Backoff())
        self._in_air: asyncio.Task[None] | None = None
        self._counting = asyncio.Lock()  # nobody counts on what is about to be forgotten
        self._forgot = 0
        self._generation = -1
        self._prepared_s = self._flushed_s = 0.0  # of the last batch

    @property
    def patience(self) -> Sequence[Patiently]:
        """What it may wait through."""
        return [self.patiently, self._flushing]

    async def run(self, intake: Intake, done: Callable[[Batch], None]) -> None:
        """Take batches and carry them, for ever; each is told to `done`, in order."""
        pace = Pace.up_to(intake.most)
        async with asyncio.TaskGroup() as group:
            while True:
                batch = await intake.take(pace.size)
                self._carried += 1
                if batch.generation != self._generation:
                    await self._landed()
                    self._generation = batch.generation
                prepared = await self._prepared(batch)
                pace = pace.after(len(batch.records), prepared_s=self._prepared_s, flushed_s=self._flushed_s)
                if prepared is None:
                    self._finish(batch, done)
                else:
                    self._in_air = group.create_task(self._flush(batch, prepared, done))

    async def _prepared(self, batch: Batch) -> P | None:
        """The batch, ready to be flushed, with nothing in the air; None where it was carried alone, and is done."""
        while True:
            forgot, began = self._forgot, time.perf_counter()
            try:
                async with self._counting:
                    prepared = await self.patiently(
                        lambda: self._steps.prepare(batch.records, generation=batch.generation)
                    )
            except Exception as error:  # noqa: BLE001 - whatever it is, no event may be lost to it
                await self._landed()
                await self._alone(batch, error)
                return None
            self._prepared_s = time.perf_counter() - began
            await self._landed()
            if forgot == self._forgot:
                return prepared

    async def _flush(self, batch: Batch, prepared: P, done: Callable[[Batch], None]) -> None:
        began = time.perf_counter()
        try:
            await self._flushing(lambda: self._steps.flush(prepared))
        except Exception as error:  # noqa: BLE001 - as above
            await self._alone(batch, error)
        self._flushed_s = time.perf_counter() - began
        self._finish(batch, done)

    def _finish(self, batch: Batch, done: Callable[[Batch], None]) -> None:
        done(batch)
        self._carried -= 1

    async def _alone(self, batch: Batch, error: Exception) -> None:
        async with self._counting:
            self._forgot += 1
            await self._split(batch.records, batch.generation, error)

    async def _landed(self) -> None:
        """Wait until nothing is in the air."""
        if self._in_air is not None:
            await self._in_air
            self._in_air = None
