"""A carrier waits out what will pass and puts aside what will not."""

import logging

import pytest

from streams.agents.carry import Carrier
from streams.core.backoff import Backoff
from streams.core.event import Record
from streams.errors import StoreAway, StoreRefused

QUICK = Backoff(first_s=0.001, cap_s=0.002)


def record(offset, value=b"ok"):
    return Record("news.raw", 0, offset, 0, None, value)


class Hop:
    """Takes records unless one of them is poison; the transport is away for the first `away` tries."""

    def __init__(self, *, away=0):
        self.away = away
        self.taken, self.buried, self.forgot = [], [], 0

    async def process(self, records, *, generation, patiently):
        async def take():
            if self.away:
                self.away -= 1
                raise StoreAway("connection refused")
            for one in records:
                if one.value == b"poison":
                    raise ValueError("cannot be")
                if one.value == b"refused":
                    raise StoreRefused("Code: 53")
            self.taken += records

        await patiently(take)

    def forget(self):
        self.forgot += 1

    async def bury(self, record, reason):
        self.buried.append((record.offset, reason.code))


async def test_a_good_batch_passes():
    hop = Hop()
    await Carrier("news", hop, backoff=QUICK).carry([record(0), record(1)], generation=1)
    assert [one.offset for one in hop.taken] == [0, 1]
    assert hop.forgot == 0


async def test_a_transport_that_is_away_is_waited_for_and_said_once(caplog):
    hop = Hop(away=5)
    carrier = Carrier("news", hop, backoff=QUICK)
    with caplog.at_level(logging.WARNING):
        await carrier.carry([record(0)], generation=1)
    assert [one.offset for one in hop.taken] == [0]
    assert len([line for line in caplog.messages if "waiting" in line]) == 1
    assert carrier.patiently.waiting.reason is None


@pytest.mark.parametrize("at", range(7))
async def test_one_poison_event_is_buried_and_all_others_pass_in_order(at):
    hop = Hop()
    values = [b"ok"] * 7
    values[at] = b"poison"
    await Carrier("news", hop, backoff=QUICK).carry([record(i, v) for i, v in enumerate(values)], generation=1)
    assert [one.offset for one in hop.taken] == [i for i in range(7) if i != at]
    assert hop.buried == [(at, "failed")]
    assert hop.forgot > 0, "half-counted state must not be kept"


async def test_what_the_store_refuses_is_buried_as_such():
    hop = Hop()
    await Carrier("news", hop, backoff=QUICK).carry([record(0), record(1, b"refused")], generation=1)
    assert hop.buried == [(1, "refused")]


def test_waits_grow_to_a_cap_and_keep_half_at_least():
    backoff = Backoff(first_s=1, factor=2, cap_s=10)
    assert [backoff.wait_s(n, 0.0) for n in range(6)] == [0.5, 1, 2, 4, 5, 5]
    assert backoff.wait_s(10_000, 0.999) < 10
