"""The loop that sends, with a broker that does as the test says."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, MessageSizeTooLargeError
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import BrokerAway
from streams.ingest.item import Checkpoint, Item, Refusal
from streams.ingest.pace import Pace
from streams.ingest.pump import pump
from streams.ingest.sender import Sender
from streams.ingest.tally import Tally, place


class Broker:
    """Stands where the producer does: takes messages and acknowledges them when it is told to."""

    def __init__(self, *, at_once: bool = True, fails: dict[bytes, Exception] | None = None) -> None:
        self.taken: list[bytes] = []
        self.at_once = at_once
        self.fails = fails or {}
        self.waiting: list[asyncio.Future[None]] = []

    async def send(self, _topic: str, value: bytes, *, key: bytes | None) -> asyncio.Future[None]:
        self.taken.append(value)
        future = asyncio.get_running_loop().create_future()
        if error := self.fails.get(value):
            future.set_exception(error)
        elif self.at_once:
            future.set_result(None)
        self.waiting.append(future)
        return future

    def acknowledge(self, count: int) -> None:
        for future in [future for future in self.waiting if not future.done()][:count]:
            future.set_result(None)


def items(count: int) -> list[Item]:
    return [Item(str(n).encode(), None, n * 1_000, "a.jsonl", n) for n in range(1, count + 1)]


async def given_reads(*reads):
    for read in reads:
        yield read


async def run(reads, broker: Broker, *, pace: Pace | None = None, in_flight: int = 100) -> Tally:
    tally = Tally()
    sender = Sender(broker, topic="t", tally=tally, in_flight=in_flight)
    await pump(reads, sender, pace=pace or Pace(), tally=tally, stop=asyncio.Event())
    return tally


async def test_everything_is_sent_in_order_and_counted():
    broker = Broker()
    tally = await run(given_reads(*items(3), Refusal("not_json", "no", "a.jsonl", 4), *items(2)), broker)
    assert broker.taken == [b"1", b"2", b"3", b"1", b"2"]
    assert (tally.sent, tally.refused) == (5, Counter(not_json=1))


async def test_only_what_is_acknowledged_counts_and_the_window_is_bounded():
    broker, tally = Broker(at_once=False), Tally()
    sender = Sender(broker, topic="t", tally=tally, in_flight=3)
    task = asyncio.create_task(pump(given_reads(*items(9)), sender, pace=Pace(), tally=tally, stop=asyncio.Event()))
    await asyncio.sleep(0.05)
    assert (len(broker.taken), tally.sent) == (4, 0)
    broker.acknowledge(2)
    await asyncio.sleep(0.05)
    assert (len(broker.taken), tally.sent) == (6, 2)
    while not task.done():
        broker.acknowledge(9)
        await asyncio.sleep(0.01)
    assert tally.sent == 9


async def test_a_message_that_is_too_large_is_a_refusal():
    broker = Broker(fails={b"2": MessageSizeTooLargeError()})
    tally = await run(given_reads(*items(3)), broker)
    assert (tally.sent, tally.refused) == (2, Counter(too_large=1))
    assert tally.examples["too_large"][0].line == 2


@pytest.mark.parametrize("error", [KafkaConnectionError(), KafkaTimeoutError()])
async def test_a_broker_that_goes_away_ends_it_with_what_was_acknowledged(error):
    broker, tally = Broker(fails={b"3": error}), Tally()
    sender = Sender(broker, topic="t", tally=tally)
    with pytest.raises(BrokerAway):
        await pump(given_reads(*items(5)), sender, pace=Pace(), tally=tally, stop=asyncio.Event())
    assert tally.sent == 2
    assert tally.last is not None
    assert tally.last.line == 2


async def test_a_broker_that_falls_silent_is_away_after_a_while():
    broker, tally = Broker(at_once=False), Tally()
    sender = Sender(broker, topic="t", tally=tally)
    with pytest.raises(BrokerAway, match="acknowledged nothing"):
        await pump(given_reads(*items(2)), sender, pace=Pace(), tally=tally, stop=asyncio.Event(), patience_s=0.5)
    assert tally.sent == 0


async def test_a_source_that_falls_silent_is_waited_for():
    async def slow():
        yield items(1)[0]
        await asyncio.sleep(1)

    sender = Sender(Broker(), topic="t", tally=(tally := Tally()))
    await pump(slow(), sender, pace=Pace(), tally=tally, stop=asyncio.Event(), patience_s=0.3)
    assert tally.sent == 1


async def test_a_checkpoint_commits_once_all_before_it_is_acknowledged():
    broker, tally = Broker(at_once=False), Tally()
    committed = []
    reads = given_reads(*items(2), Checkpoint(lambda: committed.append(tally.sent)))
    task = asyncio.create_task(
        pump(reads, Sender(broker, topic="t", tally=tally), pace=Pace(), tally=tally, stop=asyncio.Event())
    )
    await asyncio.sleep(0.05)
    assert committed == []
    broker.acknowledge(2)
    await task
    assert committed == [2]


async def test_stopping_ends_an_endless_source_and_flushes():
    async def endless():
        yield items(1)[0]
        await asyncio.Event().wait()

    broker, tally, stop = Broker(), Tally(), asyncio.Event()
    task = asyncio.create_task(
        pump(endless(), Sender(broker, topic="t", tally=tally), pace=Pace(), tally=tally, stop=stop)
    )
    await asyncio.sleep(0.05)
    stop.set()
    await asyncio.wait_for(task, 5)
    assert tally.sent == 1


async def test_trouble_with_a_source_is_told():
    async def broken():
        yield items(1)[0]
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await run(broken(), Broker())


async def test_the_pace_is_kept():
    start = asyncio.get_running_loop().time()
    await run(given_reads(*items(4)), Broker(), pace=Pace(speed=10))  # three seconds at ten times real time
    assert 0.25 < asyncio.get_running_loop().time() - start < 2


def test_speed_follows_the_events_time_and_lets_late_ones_go():
    pace = Pace(speed=2)
    assert pace.wait_s(10_000, 100.0) == 0
    assert pace.wait_s(14_000, 100.5) == pytest.approx(1.5)
    assert pace.wait_s(9_000, 101.0) == 0
    assert pace.wait_s(None, 101.0) == 0


@given(st.lists(st.floats(min_value=0, max_value=2), min_size=2, max_size=30), st.floats(min_value=0.5, max_value=50))
def test_no_more_events_than_the_rate(gaps, rate):
    pace, now, gone = Pace(rate=rate), 0.0, []
    for gap in gaps:
        now += gap
        now += pace.wait_s(None, now)
        gone.append(now)
    assert all(later - earlier >= 1 / rate - 1e-6 for earlier, later in pairwise(gone))


def test_the_counts_for_machines_name_the_first_places():
    tally = Tally()
    for line in range(1, 9):
        tally.refuse(Refusal("not_json", "bad", "a.jsonl", line))
    document = tally.document(topic="t", elapsed_s=1.0)
    assert document["refused"] == 8
    assert document["reasons"]["not_json"]["examples"] == [f"a.jsonl line {line}: bad" for line in (1, 2, 3)]
    assert place(Refusal("x", "why")) == "why"
