"""What is fetched comes out in batches, in order, of the generation in force."""

import asyncio
from itertools import cycle

from hypothesis import given
from hypothesis import strategies as st

from streams.agents.intake import Intake
from streams.core.event import Record


def records(*offsets):
    return [Record("news.raw", 0, offset, 0, None, b"") for offset in offsets]


def intake(**changed):
    return Intake(**{"generation": lambda: 1, "most": 4, "within_s": 0.01} | changed)


async def test_a_batch_is_cut_when_it_is_full_or_its_time_is_over():
    box = intake(within_s=30.0)
    await box.put(records(*range(6)), generation=1)
    assert (await box.take(4)).records == records(0, 1, 2, 3)
    taking = asyncio.create_task(box.take(4))
    await box.put(records(6, 7), generation=1)
    assert (await taking).records == records(4, 5, 6, 7)
    soon = intake()
    await soon.put(records(8), generation=1)
    assert (await soon.take(4)).records == records(8)


async def test_what_has_waited_while_nobody_took_does_not_wait_again():
    box = intake(within_s=0.5)
    await box.put(records(0), generation=1)
    await asyncio.sleep(0.6)

    async def bring_more():
        await asyncio.sleep(0.3)  # before such a wait would be over
        await box.put(records(1), generation=1)

    bringing = asyncio.create_task(bring_more())
    assert (await box.take(4)).records == records(0)
    await bringing


async def test_nothing_is_taken_once_it_is_closed():
    """Not by one who waited for more at that moment, either: nobody would wait for what he begins."""
    box = intake()
    await box.put(records(0), generation=1)
    taking = asyncio.create_task(box.take(4))
    await asyncio.sleep(0)
    box.close()
    await asyncio.sleep(0.05)
    assert not taking.done()
    assert not box.empty
    taking.cancel()


async def test_what_was_fetched_before_a_rebalance_is_left_out():
    now = [1]
    box = intake(generation=lambda: now[0])
    await box.put(records(5, 6), generation=1)
    now[0] = 2
    taking = asyncio.create_task(box.take(4))
    await asyncio.sleep(0.03)
    assert not taking.done()
    await box.put(records(5), generation=2)
    batch = await taking
    assert (batch.records, batch.generation) == (records(5), 2)


async def test_who_brings_more_than_it_holds_waits():
    box = intake()
    await box.put(records(*range(5)), generation=1)
    putting = asyncio.create_task(box.put(records(5), generation=1))
    await asyncio.sleep(0)
    assert not putting.done()
    await box.take(4)
    await putting
    assert (await box.take(4)).records == records(4, 5)


@given(st.lists(st.integers(0, 5), max_size=8), st.lists(st.integers(1, 7), min_size=1))
def test_whatever_the_sizes_nothing_is_lost_or_doubled(brought, sizes):
    async def taken():
        box, offset, found = intake(most=100), 0, []
        for count in brought:
            await box.put(records(*range(offset, offset + count)), generation=1)
            offset += count
        turns = cycle(sizes)
        while not box.empty:
            some = (await box.take(size := next(turns))).records
            assert 0 < len(some) <= size
            found += some
        return offset, found

    offset, found = asyncio.run(taken())
    assert found == records(*range(offset))
