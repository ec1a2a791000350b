"""Finds the record that ends the process whenever it is read, and leaves all others alone (see `core/suspicion.py`).

1. What comes first of a partition after its assignment is marked before it is taken in hand, and nothing else: one
   commit for an assignment.
2. Where a mark is found, records go in small pieces, each marked, and this process has nothing else in hand meanwhile:
   a death then speaks of that piece alone.
3. Whoever waits for a transport is killed for that, not for what is in hand: its marks are taken back.
4. A mark that cannot be written costs one try more, and nothing else.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from streams import faults
from streams.adapters.offset_marks import Words
from streams.agents.carry import Carrier
from streams.agents.intake import Batch, Intake
from streams.core.event import Record
from streams.core.suspicion import Mark, Suspicion
from streams.topology import At

LOOK_EVERY_S: Final = 0.005
log = logging.getLogger(__name__)


class Marks(Protocol):
    """Words beside the committed offsets of a group."""

    async def read_marks(self, ats: Sequence[At]) -> dict[At, str]:
        """The word beside each committed offset, where there is one."""

    async def mark(self, words: Words, *, generation: int, instead_of: Words) -> None:
        """Commit offsets with words, or nothing if the generation is over; in peace they are `instead_of` again."""

    async def take_back(self) -> None:
        """Whatever is marked is in peace."""

    def end(self, at: At) -> int:
        """Where the log of a partition ended when something of it was last fetched."""


class Lane(msgspec.Struct, frozen=True):
    """The way of one topic's records."""

    carrier: Carrier
    intake: Intake
    acknowledge: Callable[[Batch], None]


class InHand:
    """What one process has in hand, of all topics."""

    def __init__(self, marks: Marks, *, generation: Callable[[], int], at_once: int, tries: int) -> None:
        """At most `at_once` records of a partition are done before that is committed; `tries` deaths condemn one."""
        self._marks = marks
        self._now_in = generation
        self._at_once = at_once
        self._tries = tries
        self._generation = -1
        self._known: dict[At, Suspicion | None] = {}
        self._ends: dict[At, int] = {}
        self._lanes: list[Lane] = []
        self._one_alone = asyncio.Lock()
        self._open = asyncio.Event()
        self._open.set()
        self._putting = 0

    def lane(self, carrier: Carrier, intake: Intake, acknowledge: Callable[[Batch], None]) -> Lane:
        """A way for records to `bring`."""
        lane = Lane(carrier, intake, acknowledge)
        self._lanes = [one for one in self._lanes if one.carrier is not carrier] + [lane]
        return lane

    async def end(self, *, within_s: float) -> None:
        """Have nothing more begun; returns when what was begun is done, or after this time."""
        for lane in self._lanes:
            lane.intake.close()
        until = time.monotonic() + within_s
        while any(lane.carrier.busy for lane in self._lanes) and time.monotonic() < until:  # noqa: ASYNC110 - as above
            await asyncio.sleep(LOOK_EVERY_S)

    async def bring(self, lane: Lane, records: Sequence[Record], *, generation: int) -> None:
        """Return once these records of one partition, in order, wait in the lane's intake or are done with."""
        if generation != self._now_in():
            return  # they come again, to whoever owns the partition now
        if generation != self._generation:
            self._generation, self._known = generation, {}
        known = self._known  # another topic may bring a new generation while we wait
        at = (records[0].topic, records[0].partition)
        word = ""
        if at not in known:
            word = (await self._marks.read_marks([at])).get(at, "")
            known[at] = _suspicion(at, word)
            self._ends[at] = self._marks.end(at)
            if known[at] is None:
                await self._mark(records[0], Mark(self._at_once), generation=generation)
        if records[0].offset >= self._ends[at]:
            known[at] = None  # it was not there yet when the process ended
        while records and (suspicion := known[at]) and generation == self._now_in():
            some, records = records[: suspicion.size], records[suspicion.size :]
            await self._alone(lane, some, Mark(len(some), suspicion.deaths), generation=generation, word=word)
            known[at], word = suspicion.without(len(some)), ""
        await self._put(lane, records, generation=generation)

    async def _put(self, lane: Lane, records: Sequence[Record], *, generation: int) -> None:
        while not self._open.is_set():
            await self._open.wait()
        self._putting += 1
        try:
            await lane.intake.put(records, generation=generation)
        finally:
            self._putting -= 1

    async def _alone(self, lane: Lane, some: Sequence[Record], mark: Mark, *, generation: int, word: str) -> None:
        """Have nothing in hand but these, until they are acknowledged."""
        async with self._one_alone:
            self._open.clear()
            try:
                while self._occupied():  # noqa: ASYNC110 - this is rare, and short
                    await asyncio.sleep(LOOK_EVERY_S)
                await self._mark(some[0], mark, generation=generation, word=word)
                if mark.records == 1 and mark.deaths >= self._tries:
                    await lane.carrier.condemn(some[0], deaths=mark.deaths)
                else:
                    await lane.carrier.carry(some, generation=generation)
                lane.acknowledge(Batch(list(some), generation))
                done = {(some[-1].topic, some[-1].partition): (some[-1].offset + 1, "")}
                await self._marks.mark(done, generation=generation, instead_of={})
            finally:
                self._open.set()

    def _occupied(self) -> bool:
        return self._putting > 0 or any(one.carrier.busy or not one.intake.empty for one in self._lanes)

    async def _mark(self, first: Record, mark: Mark, *, generation: int, word: str = "") -> None:
        at = (first.topic, first.partition)
        peace = {at: (first.offset, word)}
        await self._marks.mark({at: (first.offset, mark.word())}, generation=generation, instead_of=peace)
        faults.at("marked")


def _suspicion(at: At, word: str) -> Suspicion | None:
    mark = Mark.of(word)
    if mark is None:
        return None
    log.warning("%s/%d: a process ended with this in hand: going on in small pieces", *at)
    return Suspicion.after(mark)
