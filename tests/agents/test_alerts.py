"""The hop of window rows: what it needs from the store, what it tells, what it does when the outside fails."""

import asyncio
from contextlib import contextmanager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.adapters.fake_alert_store import FakeAlertStore
from streams.adapters.fakes import MemoryPublisher
from streams.adapters.placing import placing
from streams.agents.alerts import AlertHop
from streams.agents.carry import Patiently
from streams.core.alert import decode_alert
from streams.core.backoff import Backoff
from streams.core.codec import encode_window
from streams.core.detect import WATERMARK
from streams.core.event import Event, Findings, Record, Rejected, Scored
from streams.core.series import Series
from streams.errors import BrokerAway, StoreAway, StoreRefused
from streams.settings import load_settings
from streams.topology import ALERTS, RAW, WINDOWS
from tests.core.feed import CHECKOUT, PARTITIONS, PAYMENTS, Told, counts, messages, minute, row, ticks, told

SETTINGS = load_settings(partitions=PARTITIONS)
VIEW = msgspec.structs.replace(CHECKOUT, key="view")
HOME = {one: placing(PARTITIONS)(str(one).encode()) for one in (PAYMENTS, CHECKOUT, VIEW)}
PATIENTLY = Patiently("test", Backoff(first_s=0.0, cap_s=0.0))


class Broker(MemoryPublisher):
    """A publisher that can be away."""

    def __init__(self):
        super().__init__()
        self.away = False

    async def publish(self, published):
        if self.away:
            raise BrokerAway("away")
        await super().publish(published)

    @property
    def alerts(self):
        return [decode_alert(message.value) for message in self.on(ALERTS)]


class Everybody:
    """A tenure: all are members, until a generation is `over` or somebody is in `doubt`."""

    def __init__(self):
        self.over = set()
        self.doubt = 0

    async def holds(self, _at, *, generation):
        if self.doubt:
            self.doubt -= 1
            raise BrokerAway("the group is being put together")
        return generation not in self.over


class World:
    """A store, a broker, and the topic `windows` with all that came so far."""

    def __init__(self):
        self.store = FakeAlertStore()
        self.broker = Broker()
        self.group = Everybody()
        self.log = {partition: [] for partition in range(PARTITIONS)}

    def hop(self):
        return AlertHop(store=self.store, publisher=self.broker, tenure=self.group, settings=SETTINGS)

    def happens(self, batch):
        """What the event hop does: store, then publish, ticks to all. Returns the records."""
        self.store.keep([one for one in batch if one.dimension != WATERMARK])
        records = []
        for one in batch:
            key = str(Series.of(one)).encode()
            homes = range(PARTITIONS) if one.dimension == WATERMARK else (placing(PARTITIONS)(key),)
            for home in homes:
                record = Record(WINDOWS, home, len(self.log[home]), 0, key, encode_window(one))
                self.log[home].append(record)
                records.append(record)
        return records


@pytest.fixture
def world():
    return World()


async def carry(hop, records, *, generation=1):
    await hop.process(records, generation=generation, patiently=PATIENTLY)


@contextmanager
def without(thing):
    thing.away = True
    yield
    thing.away = False


SURGE = counts(*[20] * 20, 200, 20, 20, 20)


async def test_alerts_go_to_the_topic_and_the_table(world):
    line = Event("logs", RAW["logs"], 0, 7, "id-7", minute(20), 0, service="payments", text="disk full")
    world.store.keep(events=[Scored(line, Findings(anomaly_score=0.5))])
    hop = world.hop()
    for batch in [*messages({PAYMENTS: SURGE}), ticks({"logs"}, 25)]:
        await carry(hop, world.happens(batch))
    assert told(world.broker.alerts) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]
    assert [one.id for one in world.broker.alerts[0].evidence] == ["id-7"]
    assert list(world.store.alerts.values()) == world.broker.alerts
    assert [message.key.decode() for message in world.broker.messages] == [
        one.fingerprint for one in world.broker.alerts
    ]


@pytest.mark.parametrize("which", ["store", "broker"])
async def test_a_batch_may_be_carried_again(world, which):
    hop = world.hop()
    batches = [*messages({PAYMENTS: SURGE}), ticks({"logs"}, 25)]
    for batch in batches:
        records = world.happens(batch)
        with without(getattr(world, which)):
            try:
                await hop._process(records, generation=1)
            except (StoreAway, BrokerAway):
                again = True
            else:
                again = False
        if again:
            await carry(hop, records, generation=hop._generation)
    assert told(world.store.alerts.values()) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]
    assert {one.id for one in world.broker.alerts} == {one.id for one in world.store.alerts.values()}


@pytest.mark.parametrize("late", [False, True], ids=["nothing late", "late rows that would have kept it from firing"])
@pytest.mark.parametrize("call", [1, 2, 3], ids=["before the table", "before the topic", "before it is marked"])
async def test_a_crash_in_the_middle_of_telling_leaves_topic_and_table_the_same(world, call, late):
    hop = world.hop()
    batches = messages({PAYMENTS: SURGE})
    for batch in batches[:21]:
        await carry(hop, world.happens(batch))
    calls = []

    def crashing(method):
        async def or_crash(*given, **named):
            calls.append(method)
            if len(calls) == call:
                raise RuntimeError("power")
            await method(*given, **named)

        return or_crash

    write, publish = world.store.write, world.broker.publish
    world.store.write, world.broker.publish = crashing(write), crashing(publish)
    records = world.happens(batches[21])
    with pytest.raises(RuntimeError, match="power"):
        await carry(hop, records)
    world.store.write, world.broker.publish = write, publish
    for batch in messages({PAYMENTS: counts(*[200] * 20)}) if late else ():
        world.happens([msgspec.structs.replace(one, last_offset=one.last_offset + 1) for one in batch])
    await carry(world.hop(), records)
    assert {one.id for one in world.broker.alerts} == {one.id for one in world.store.alerts.values()}
    fires = call > 1 or not late
    assert told(world.store.alerts.values()) == [("volume_surge", "firing", 1)] * fires
    assert await world.store.untold("logs") == []


async def test_a_series_that_is_silent_since_before_the_restart_is_still_watched(world):
    """The drop began, the worker died: no row of the action will ever come to remind the next one of it."""
    first = world.hop()
    batches = messages({CHECKOUT: counts(*[25] * 20), VIEW: counts(*[30] * 26)})
    for batch in batches[:20]:
        await carry(first, world.happens(batch))
    second = world.hop()
    for batch in batches[20:]:
        await carry(second, world.happens(batch))
    assert [(one.rule, one.status, one.labels["key"]) for one in world.broker.alerts] == [
        ("action_drop", "firing", "checkout")
    ]


async def test_a_firing_alert_resolves_after_a_restart(world):
    batches = [*messages({PAYMENTS: SURGE}), ticks({"logs"}, 25)]
    first = world.hop()
    for batch in batches[:22]:
        await carry(first, world.happens(batch))
    assert told(world.broker.alerts) == [("volume_surge", "firing", 1)]
    second = world.hop()
    for batch in batches[22:]:
        await carry(second, world.happens(batch))
    assert told(world.broker.alerts) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]


async def test_a_partition_watches_its_own_series_only(world):
    hop = world.hop()
    other = 1 - HOME[CHECKOUT]
    for batch in messages({CHECKOUT: counts(*[25] * 20)}):
        world.happens(batch)
    await carry(hop, [record for record in world.log[other] if record.partition == other])
    assert CHECKOUT not in hop._shares[other].detector


async def test_a_new_generation_starts_from_the_store(world):
    hop = world.hop()
    for number, batch in enumerate([*messages({PAYMENTS: SURGE}), ticks({"logs"}, 25)]):
        await carry(hop, world.happens(batch), generation=number)
    assert told(world.broker.alerts) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]


async def test_silence_closes_the_last_window(world):
    hop = world.hop()
    for batch in messages({PAYMENTS: SURGE[:21]}):
        await carry(hop, world.happens(batch))
    assert world.broker.alerts == []
    with without(world.broker):
        for now_ms in range(0, 10_000, 2_500):
            await hop.tick(now_ms)
        with pytest.raises(BrokerAway):
            await hop.tick(10_000)
    await hop.tick(12_500)
    assert told(world.broker.alerts) == [("volume_surge", "firing", 1)]


async def test_what_is_no_row_is_left_out(world):
    hop = world.hop()
    odd = [Record(WINDOWS, 0, n, 0, None, value) for n, value in enumerate((None, b"", b"{", b"[" * 9_999, b'{"a":1}'))]
    await carry(hop, odd)
    await hop.bury(odd[0], Rejected("failed", "…"))
    assert hop._shares == {}


async def test_an_alert_goes_without_evidence_that_the_store_refuses(world):
    async def refuse(_alert, *, size):
        raise StoreRefused("no")

    world.store.evidence = refuse
    hop = world.hop()
    for batch in [*messages({PAYMENTS: SURGE[:21]}), ticks({"logs"}, 22)]:
        await carry(hop, world.happens(batch))
    assert [one.evidence for one in world.broker.alerts] == [()]


async def test_who_stood_still_while_another_took_over_tells_nothing_from_half_a_window(world):
    """It woke with three events of a minute that had 2,000, and a clock that said that minute was over."""
    old, new = world.hop(), world.hop()
    for batch in messages({PAYMENTS: SURGE[:23]}):
        await carry(old, world.happens(batch), generation=1)
    half = [row(PAYMENTS, 23, partition=0, told=Told(3), last_offset=23_000)]
    await carry(old, world.happens(half), generation=1)
    world.group.over = {1}
    for now_ms in range(0, 60_000, 2_500):
        await old.tick(now_ms)
    assert old._shares.keys() == {1 - HOME[PAYMENTS]}  # what has nothing to tell needs no answer
    whole = [row(PAYMENTS, 23, partition=p, told=Told(1_000), last_offset=23_500) for p in range(PARTITIONS)]
    for batch in (whole, ticks({"logs"}, 25)):
        await carry(new, world.happens(batch), generation=2)
    firing, worse = world.broker.alerts
    assert (firing.status, worse.status, worse.value) == ("firing", "firing", 2_000)


async def test_a_partition_that_is_lost_at_the_last_moment_is_not_spoken_for(world):
    hop, evidence = world.hop(), world.store.evidence

    async def takes_long(alert, *, size):
        world.group.over = {1}
        return await evidence(alert, size=size)

    world.store.evidence = takes_long
    for batch in [*messages({PAYMENTS: SURGE}), ticks({"logs"}, 25)]:
        await carry(hop, world.happens(batch))
    assert (world.broker.alerts, world.store.alerts) == ([], {})


async def test_while_the_group_is_put_together_nothing_is_told_and_nothing_is_lost(world):
    hop = world.hop()
    for batch in [*messages({PAYMENTS: SURGE}), ticks({"logs"}, 25)]:
        world.group.doubt = 2
        await carry(hop, world.happens(batch))
    assert told(world.broker.alerts) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]


async def test_what_the_clock_closed_in_one_generation_is_not_told_in_the_next(world):
    """Evidence takes a while, and meanwhile records of the next generation come."""
    hop, evidence, go_on = world.hop(), world.store.evidence, asyncio.Event()

    async def takes_long(alert, *, size):
        await go_on.wait()
        return await evidence(alert, size=size)

    for batch in messages({PAYMENTS: SURGE[:20]}):
        await carry(hop, world.happens(batch), generation=1)
    half = [row(PAYMENTS, 20, partition=0, told=Told(100))]
    await carry(hop, world.happens(half), generation=1)
    world.store.evidence, world.group.over = takes_long, {1}

    async def clock():
        for now_ms in range(0, 15_000, 2_500):
            await hop.tick(now_ms)

    ticking = asyncio.create_task(clock())
    await asyncio.sleep(0)
    following = asyncio.create_task(carry(hop, world.happens(ticks({"logs"}, 20)), generation=2))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(ticking, following)
    assert (world.broker.alerts, world.store.alerts) == ([], {})


async def test_a_partition_that_is_behind_in_a_rebalance_is_waited_for(world):
    """Who takes over hears the one that is ahead first; the windows of the other are not judged yet."""
    hop, batches = world.hop(), messages({PAYMENTS: counts(*[20] * 65, *[200] * 3, *[20] * 40)})

    async def come(some, partition, generation):
        for batch in some:
            mine = [one for one in batch if one.partition == partition]
            await carry(hop, world.happens(mine), generation=generation)

    for batch in batches[:60]:
        await carry(hop, world.happens(batch))
    await come(batches[60:90], 1, 1)
    await come(batches[90:92], 1, 2)
    await come(batches[60:], 0, 2)
    await come(batches[92:], 1, 2)
    firing, resolved = world.broker.alerts
    assert (firing.status, firing.value, resolved.status) == ("firing", 200, "resolved")


async def test_an_old_row_of_a_series_that_fell_silent_starts_no_alert(world):
    hop, other = world.hop(), msgspec.structs.replace(PAYMENTS, key="other")
    for batch in messages({PAYMENTS: counts(*[20] * 50), other: counts(*[20] * 200)}):
        await carry(hop, world.happens(batch))
    old = msgspec.structs.replace(row(PAYMENTS, 40, partition=0, told=Told(300), last_offset=10**6),
                                  watermark_ms=minute(200))  # fmt: skip
    for batch in ([old], ticks({"logs"}, 203)):
        await carry(hop, world.happens(batch))
    assert world.broker.alerts == []


async def test_an_old_row_in_the_first_batch_does_not_have_years_read(world):
    since, history = [], world.store.history

    async def read(series, *, seconds, since_ms):
        since.append((len(series), since_ms))
        return await history(series, seconds=seconds, since_ms=since_ms)

    many = {msgspec.structs.replace(PAYMENTS, key=f"s{n}"): counts(*[20] * 20) for n in range(10)}
    for batch in messages(many):
        world.happens(batch)
    world.store.history = read
    at = next(iter(many))
    old = msgspec.structs.replace(row(at, -500_000, partition=0, told=Told(300)), watermark_ms=minute(20))
    for records in _by_home(world.happens([old, *ticks({"logs"}, 21)])):
        await carry(world.hop(), records)
    assert sum(number for number, _ in since) == 10
    assert [number for number, since_ms in since if since_ms < minute(-200)] == [1]
    assert min(since_ms for _, since_ms in since) > minute(-2_000)


def _by_home(records):
    return [[one for one in records if one.partition == home] for home in range(PARTITIONS)]


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_restarts_anywhere_and_replays_from_anywhere_tell_the_same(data):
    """Kill the hop whenever, let it begin again at any record that it had not passed: one alert for an incident."""
    calm, bad = st.integers(15, 30), st.sampled_from((0, 90, 300))
    numbers = data.draw(st.lists(st.one_of(calm, calm, calm, bad), min_size=12, max_size=40))
    series = {PAYMENTS: counts(*numbers), CHECKOUT: counts(*reversed(numbers)), VIEW: counts(*[20] * len(numbers))}
    batches = [*messages(series), ticks({"logs", "user"}, len(numbers) + 1)]
    undisturbed, disturbed = World(), World()
    asyncio.run(run(undisturbed, batches, kills={}))
    kills = data.draw(st.dictionaries(st.integers(1, len(batches) - 1), st.integers(0, 15), max_size=4))
    asyncio.run(run(disturbed, batches, kills=kills))
    assert {one.id for one in disturbed.broker.alerts} == {one.id for one in undisturbed.broker.alerts}
    assert disturbed.store.alerts == undisturbed.store.alerts


async def run(world, batches, *, kills):
    """`kills`: before which batch the hop dies, and how many batches the next one goes back."""
    hop, records = world.hop(), []
    for number, batch in enumerate(batches):
        records.append(world.happens(batch))
        back = kills.get(number)
        if back is not None:
            hop = world.hop()
            for old in records[max(0, number - back) : -1]:
                await carry(hop, old)
        await carry(hop, records[-1])
