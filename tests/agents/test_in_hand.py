"""Whoever dies of a record finds it; whoever dies of something else accuses none."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.carry import Carrier
from streams.agents.in_hand import InHand
from streams.agents.intake import Batch, Intake
from streams.core.event import Record
from streams.core.suspicion import FINER, Mark

LOG = 300
BATCH = 100
AT = ("news.raw", 0)


class Died(BaseException):
    """The process is gone."""


class Group:
    """What the broker keeps of a group; it outlives every process."""

    def __init__(self):
        self.committed, self.word, self.commits, self.ends_at = 0, "", 0, LOG

    async def read_marks(self, ats):
        return {AT: self.word} if AT in ats and self.word else {}

    async def mark(self, words, *, generation, instead_of):
        self.commits += bool(words)
        for offset, word in words.values():
            self.committed, self.word = offset, word

    async def take_back(self):
        """Nobody waits here."""

    def end(self, at):
        return self.ends_at


class Hop:
    """Takes records; dies of some, and when somebody from outside says so."""

    def __init__(self, deadly, kills):
        self.deadly, self.kills = deadly, kills
        self.taken, self.buried = [], []

    async def process(self, records, *, generation, patiently):
        self.kills -= 1
        if self.kills == 0 or self.deadly & {one.offset for one in records}:
            raise Died
        self.taken += [one.offset for one in records]

    def forget(self):
        pass

    async def bury(self, record, reason):
        assert reason.code == "crashed"
        self.buried.append(record.offset)


class Direct:
    """An intake that has everything carried at once, in batches."""

    empty = True

    def __init__(self, carrier, acknowledge):
        self.carrier, self.acknowledge = carrier, acknowledge

    async def put(self, records, *, generation):
        for first in range(0, len(records), BATCH):
            some = records[first : first + BATCH]
            await self.carrier.carry(some, generation=generation)
            self.acknowledge(Batch(some, generation))


def hands(group):
    return InHand(group, generation=lambda: 1, at_once=4 * BATCH, tries=3)


async def live(group, hop, *, commits_every, fetched=70):
    """One process, from its assignment to its death or the end of the log; it commits now and then."""
    carrier, in_hand, done = Carrier("news", hop), hands(group), [group.committed, 0]

    def acknowledge(batch):
        done[0], done[1] = batch.records[-1].offset + 1, done[1] + 1
        if done[1] % commits_every == 0 and done[0] > group.committed:
            group.committed, group.word = done[0], ""

    lane = in_hand.lane(carrier, Direct(carrier, acknowledge), acknowledge)
    for start in range(group.committed, LOG, fetched):
        records = [Record(*AT, offset, 0, None, b"") for offset in range(start, min(start + fetched, LOG))]
        await in_hand.bring(lane, records, generation=1)
    group.committed, group.word = LOG, ""


@given(
    deadly=st.sets(st.integers(0, LOG - 1), max_size=3),
    kills=st.lists(st.integers(1, 60), max_size=6),
    commits_every=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
async def test_the_deadly_are_buried_and_no_other(deadly, kills, commits_every):
    group, hop, deaths = Group(), Hop(deadly, 0), 0
    kills = iter(kills)
    while group.committed < LOG:
        hop.kills = next(kills, 0) if deaths % 2 else 0  # somebody kills it now and then, at a piece of his choice
        try:
            await live(group, hop, commits_every=commits_every)
        except Died:
            deaths += 1
        assert deaths < 10 * (len(deadly) + 7), "it goes on dying"
    assert set(hop.buried) == deadly
    assert set(hop.taken) == set(range(LOG)) - deadly


async def test_where_nobody_dies_one_commit_is_made_for_an_assignment():
    group, hop = Group(), Hop(set(), 0)
    await live(group, hop, commits_every=1)
    assert (group.commits, group.word, len(hop.taken)) == (1, "", LOG)


async def test_a_process_that_is_killed_at_one_moment_again_and_again_accuses_none():
    """Three SIGKILLs in the first batch of each life: smaller pieces, all of them taken in the end."""
    group, hop = Group(), Hop(set(), 0)
    for _ in range(3):
        hop.kills = 1
        with pytest.raises(Died):
            await live(group, hop, commits_every=3)
    await live(group, hop, commits_every=3)
    assert (hop.buried, set(hop.taken)) == ([], set(range(LOG)))


async def test_what_came_after_the_death_is_under_no_suspicion():
    group, hop = Group(), Hop(set(), 0)
    group.word, group.ends_at = Mark(4 * BATCH).word(), 70
    await live(group, hop, commits_every=1)
    assert group.commits == 2 * -(-70 // (4 * BATCH // FINER)), "two for each piece of what was there"


async def test_nothing_else_is_in_hand_beside_what_is_under_suspicion():
    group, inside, most = Group(), [], []
    group.word = Mark(4 * FINER).word()
    in_hand = hands(group)

    class Slow(Hop):
        async def process(self, records, *, generation, patiently):
            inside.append(records[0].topic)
            most.append(sorted(inside))
            await asyncio.sleep(0.001)
            inside.remove(records[0].topic)

    async def work(topic):
        carrier = Carrier(topic, Slow(set(), 0))
        intake = Intake(generation=lambda: 1, most=5, within_s=0.001)
        lane = in_hand.lane(carrier, intake, lambda batch: None)
        running = asyncio.create_task(carrier.run(intake, lane.acknowledge))
        for start in range(0, 40, 10):
            records = [Record(topic, 0, offset, 0, None, b"") for offset in range(start, start + 10)]
            await in_hand.bring(lane, records, generation=1)
        while carrier.busy or not intake.empty:  # noqa: ASYNC110 - they tell nobody
            await asyncio.sleep(0.001)
        running.cancel()

    await asyncio.gather(*map(work, ("logs.raw", "user.events", "news.raw")))
    assert ["logs.raw", "user.events"] in most, "these two go beside each other"
    assert all(some == ["news.raw"] for some in most if "news.raw" in some)


@given(st.integers(1, 10**6), st.integers(0, 99))
def test_a_mark_comes_back_from_its_word(records, deaths):
    assert Mark.of(Mark(records, deaths).word()) == Mark(records, deaths)


@given(st.text())
def test_a_word_of_somebody_else_is_no_mark(word):
    assert Mark.of("x" + word) is None


async def ending(hop, *, within_s):
    """A lane with a batch in the hop's hands and another that waits, told to end; what is acknowledged then."""
    carrier, done = Carrier("news", hop), []
    intake = Intake(generation=lambda: 1, most=10, within_s=0.0)
    in_hand = hands(Group())
    lane = in_hand.lane(carrier, intake, done.append)
    running = asyncio.create_task(carrier.run(intake, done.append))
    for offset in (0, 1):
        await in_hand._put(lane, [Record(*AT, offset, 0, None, b"")], generation=1)
        await asyncio.sleep(0.01)
    await in_hand.end(within_s=within_s)
    running.cancel()
    return [record.offset for batch in done for record in batch.records]


@pytest.mark.parametrize(("lasts_s", "done"), [(0.1, [0]), (60.0, [])], ids=["a moment", "a transport is away"])
async def test_in_the_end_what_was_begun_is_done_and_nothing_more_is_begun(lasts_s, done):
    class Slow(Hop):
        async def process(self, records, *, generation, patiently):
            await asyncio.sleep(lasts_s)
            await super().process(records, generation=generation, patiently=patiently)

    assert await ending(Slow(set(), 0), within_s=2.0 if done else 0.1) == done
