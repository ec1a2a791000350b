"""Carries batches through a hop without ever raising for what can be waited out or put aside.

1. A transport that is away is waited for, with back-off, for as long as it takes; it is said once in the log, and in
   `waiting` for as long as it lasts.
2. A batch that fails for any other reason is split until the record at fault stands alone; that one is buried, the
   others go on, in order.
3. Batches are done in the order in which they were taken.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from streams.adapters import metrics
from streams.agents.intake import Batch, Intake
from streams.core.backoff import Backoff
from streams.core.event import Record, Rejected
from streams.errors import BrokerRefused, StoreRefused, Unreachable

T = TypeVar("T")
log = logging.getLogger(__name__)


class Hop(Protocol):
    """What can be carried."""

    async def process(self, records: Sequence[Record], *, generation: int, patiently: "Patiently") -> None:
        """Take records to where they can be acknowledged, waiting for transports through `patiently`."""

    def forget(self) -> None:
        """Let go of all state; it is rebuilt from the store."""

    async def bury(self, record: Record, reason: Rejected) -> None:
        """Put one record aside for good."""


class Waiting:
    """Whether somebody waits for a transport, and why; said in the log when it begins and when it ends."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reason: str | None = None

    def away(self, trouble: Unreachable) -> None:
        """It does not answer."""
        metrics.WAITS.labels(self.name).inc()
        if self.reason is None:
            log.warning("%s: waiting: %s", self.name, trouble)
        self.reason = str(trouble)

    def back(self) -> None:
        """It answered."""
        if self.reason is not None:
            log.warning("%s: back, going on", self.name)
        self.reason = None


class Patiently:
    """Calls again, with back-off, while a transport is away; `before_waiting` is awaited before the first wait."""

    def __init__(self, name: str, backoff: Backoff) -> None:
        self.waiting = Waiting(name)
        self.before_waiting: Callable[[], Awaitable[None]] | None = None
        self._backoff = backoff

    async def __call__(self, operation: Callable[[], Awaitable[T]]) -> T:
        """The operation's answer, however long it takes."""
        attempt = 0
        while True:
            try:
                answer = await operation()
            except Unreachable as trouble:
                self.waiting.away(trouble)
                if attempt == 0 and self.before_waiting:
                    await self.before_waiting()
                await asyncio.sleep(self._backoff.wait_s(attempt, random.random()))  # noqa: S311 - jitter, no secret
                attempt += 1
            else:
                self.waiting.back()
                return answer


class Carrier:
    """Carries the batches of one hop."""

    def __init__(self, name: str, hop: Hop, *, backoff: Backoff | None = None) -> None:
        self.name = name
        self._hop = hop
        self.patiently = Patiently(name, backoff or Backoff())
        self._carried = 0

    @property
    def busy(self) -> bool:
        """Whether there are records that were taken and are not done."""
        return self._carried > 0

    @property
    def patience(self) -> Sequence[Patiently]:
        """What it may wait through."""
        return [self.patiently]

    async def run(self, intake: Intake, done: Callable[[Batch], None]) -> None:
        """Take batches and carry them, for ever; each is told to `done`."""
        while True:
            batch = await intake.take(intake.most)
            await self.carry(batch.records, generation=batch.generation)
            done(batch)

    async def carry(self, records: Sequence[Record], *, generation: int) -> None:
        """Return once every record is stored, published or buried."""
        self._carried += 1
        await self._carry(records, generation)
        self._carried -= 1

    async def condemn(self, record: Record, *, deaths: int) -> None:
        """Return once a record that ends the process whenever it is read is buried."""
        log.error("%s: %s/%d/%d: crashed", self.name, record.topic, record.partition, record.offset)
        reason = Rejected("crashed", f"the process ended {deaths} times with this record alone in hand")
        await self.patiently(lambda: self._hop.bury(record, reason))

    async def _carry(self, records: Sequence[Record], generation: int) -> None:
        try:
            await self._hop.process(records, generation=generation, patiently=self.patiently)
        except Exception as error:  # noqa: BLE001 - whatever it is, no event may be lost to it
            await self._split(records, generation, error)

    async def _split(self, records: Sequence[Record], generation: int, error: Exception) -> None:
        """Carry what failed as a whole in two halves, or bury it where it is one."""
        self._hop.forget()
        if len(records) == 1:
            await self._bury(records[0], error)
            return
        log.warning("%s: splitting a batch of %d: %s", self.name, len(records), _what(error))
        middle = len(records) // 2
        await self._carry(records[:middle], generation)
        await self._carry(records[middle:], generation)

    async def _bury(self, record: Record, error: Exception) -> None:
        code = "failed"
        if isinstance(error, StoreRefused):
            code = "refused"
        elif isinstance(error, BrokerRefused):
            code = "too_large"
        log.error("%s: %s/%d/%d: %s", self.name, record.topic, record.partition, record.offset, _what(error))
        reason = Rejected(code, _what(error))
        await self.patiently(lambda: self._hop.bury(record, reason))


def _what(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
