"""One suite, run on the alert store in memory and on ClickHouse."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.adapters.alert_store import ClickHouseAlertStore, _parts
from streams.adapters.event_store import ClickHouseEventStore
from streams.adapters.fake_alert_store import FakeAlertStore
from streams.core.alert import Alert, AlertWindow, Evidence
from streams.core.codec import rfc3339
from streams.core.event import Event, Findings, Scored
from streams.core.series import Series
from streams.core.window import PartitionWindows
from streams.errors import StoreAway
from streams.topology import DAY_MS, RAW

MINUTE_MS = 60_000
_days = itertools.count(19_000)


class Real(ClickHouseAlertStore):
    """The real store, with the pen of the event hop beside it."""

    def __init__(self, client):
        super().__init__(client)
        self._events = ClickHouseEventStore(client)

    async def hold(self, *, rows=(), events=()):
        await self._events.write(events, rows)


class Fake(FakeAlertStore):
    async def hold(self, *, rows=(), events=()):
        self.keep(rows, events)


@pytest.fixture(params=["memory", pytest.param("clickhouse", marks=pytest.mark.stack)])
def store(request):
    if request.param == "memory":
        return Fake()
    return Real(request.getfixturevalue("client"))


@pytest.fixture
def day_ms():
    """Each test has a day of its own: the store outlives it."""
    return next(_days) * DAY_MS


def day_of(time_ms):
    return (time_ms + MINUTE_MS) // DAY_MS


def scored(kind, time_ms, offset, *, partition=0, findings=None, **fields):
    """An event of a partition that no other test has: a position names one event, for ever."""
    event = Event(
        kind=kind, topic=RAW[kind], partition=day_of(time_ms) * 10 + partition, offset=offset,
        event_id=f"id-{partition}-{offset}", event_time_ms=time_ms, ingested_ms=time_ms,
        text=f"text {offset}", **fields,
    )  # fmt: skip
    return Scored(event, findings or Findings())


def folded(kind, events):
    partition = events[0].event.partition
    windows = PartitionWindows(kind=kind, topic=RAW[kind], partition=partition, sizes=(60, 3600), lateness_ms=0)
    return windows.fold(events)


def alert(series, rule, start_ms, **fields):
    made = Alert(
        id=f"id-{series.key}-{start_ms}", fingerprint=f"print-{series.key}", revision=1, status="firing", rule=rule,
        severity="warning", labels={"kind": series.kind, "dimension": series.dimension, "key": series.key, "q'\\": "'"},
        annotations={"summary": "苹果 'fell'\n\\", "description": "…"}, startsAt=rfc3339(start_ms),
        endsAt=rfc3339(start_ms + MINUTE_MS), window=AlertWindow(rfc3339(start_ms), 60), value=41.5, expected=2.0,
        score=12.25,
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


KEY = "O'Reilly\\甲公司\t{x:String}"


async def test_history_gives_the_rows_of_each_partition(store, day_ms):
    mine, other = Series("news", "entity", KEY), Series("news", "entity", "other")
    held = []
    for partition in (0, 1):
        events = [
            scored(
                "news", day_ms + n * MINUTE_MS, n, partition=partition, entities=(KEY,) if n % 2 else ("other",),
                findings=Findings(sentiment="negative", sentiment_e4=-1_234, severity="error", anomaly_score=0.75),
            )
            for n in range(6)
        ]  # fmt: skip
        held += folded("news", events)
        await store.hold(rows=folded("news", events), events=events)
    found = await store.history([mine, other], seconds=60, since_ms=day_ms + 2 * MINUTE_MS)
    expected = {
        one: sorted(
            (row for row in held if Series.of(row) == one and row.window_seconds == 60
             and row.window_start_ms >= day_ms + 2 * MINUTE_MS),
            key=lambda row: (row.window_start_ms, row.partition),
        )
        for one in (mine, other)
    }  # fmt: skip
    assert found == expected
    assert len(found[mine]) == 4
    assert await store.history([], seconds=60, since_ms=0) == {}
    assert await store.history([Series("logs", "entity", KEY)], seconds=60, since_ms=0) == {}


async def test_history_gives_the_latest_row(store, day_ms):
    series = Series("logs", "service", f"late-{day_ms}")
    events = [scored("logs", day_ms + n, n, service=series.key) for n in range(9)]
    for count in (5, 9, 3):
        await store.hold(rows=folded("logs", events[:count]), events=events[:count])
    found = await store.history([series], seconds=60, since_ms=day_ms)
    assert [row.events for row in found[series]] == [9]


async def test_active_lists_series_with_rows_since(store, day_ms):
    events = [scored("user", day_ms + n * MINUTE_MS, n, action=name, lang="en") for n, name in enumerate("cab")]
    await store.hold(rows=folded("user", events), events=events)
    late = await store.active("user", ["action"], seconds=60, since_ms=day_ms + MINUTE_MS)
    assert [one for one in late if one.key in "abc"] == [Series("user", "action", "a"), Series("user", "action", "b")]
    assert {one.dimension for one in await store.active("user", ["all"], seconds=60, since_ms=day_ms)} == {"all"}
    assert await store.active("user", ["action"], seconds=60, since_ms=day_ms + 40_000 * DAY_MS) == []


async def test_alerts_come_back_as_they_went(store, day_ms):
    series = Series("news", "entity", f"{KEY}{day_ms}")
    evidence = (Evidence("news.raw", 2, 41, "id 'x'", "文字\n'\\", -0.75),)
    first = alert(series, "sentiment_drop", day_ms, evidence=evidence)
    await store.write([first], told=True)
    await store.write([first], told=True)
    assert await store.latest([first.fingerprint, "unknown"]) == {first.fingerprint: first}
    second = msgspec.structs.replace(first, id="2", revision=2, status="resolved")
    await store.write([second], told=True)
    await store.write([first], told=True)
    assert await store.latest([first.fingerprint]) == {first.fingerprint: second}
    assert await store.latest([]) == {}


async def test_what_fires_is_found_until_it_is_resolved(store, day_ms):
    fires, calm, again = (Series("news", "entity", f"{KEY} {name} {day_ms}") for name in ("fires", "calm", "again"))
    first = alert(fires, "volume_surge", day_ms)
    over = alert(calm, "volume_surge", day_ms)
    end = alert(calm, "volume_surge", day_ms, revision=2, status="resolved", id="end")
    old = alert(again, "volume_surge", day_ms, revision=2, status="resolved", id="old")
    new = alert(again, "volume_surge", day_ms + 60 * MINUTE_MS, id="new")
    await store.write([first, over, end, old, new], told=True)
    firing = await store.firing("news")
    assert fires in firing
    assert again in firing
    assert calm not in firing
    assert firing == sorted(firing)
    assert fires not in await store.firing("logs")


async def test_what_was_not_told_is_found_until_it_is(store, day_ms):
    series = Series("news", "entity", f"{KEY} untold {day_ms}")
    evidence = (Evidence("news.raw", 2, 41, "id 'x'", "文字\n'\\", -0.75),)
    first = alert(series, "volume_surge", day_ms, evidence=evidence)
    second = msgspec.structs.replace(first, id="2", revision=2, status="resolved")
    await store.write([second, first], told=False)

    async def untold(kind):
        return [one for one in await store.untold(kind) if one.fingerprint == first.fingerprint]

    assert await untold("news") == [first, second]
    assert await untold("logs") == []
    assert await store.latest([first.fingerprint]) == {first.fingerprint: second}
    await store.write([first], told=True)
    assert await untold("news") == [second]
    await store.write([second], told=True)
    assert await untold("news") == []


async def test_the_latest_is_of_the_latest_incident(store, day_ms):
    series = Series("logs", "service", f"again-{day_ms}")
    first = alert(series, "error_surge", day_ms, revision=3, status="resolved")
    second = alert(series, "error_surge", day_ms + 30 * MINUTE_MS, id="b", revision=1)
    await store.write([second, first], told=True)
    assert await store.latest([first.fingerprint]) == {first.fingerprint: second}
    await store.write([], told=True)


async def test_many_series_with_long_names_are_asked_for_in_pieces(store, day_ms):
    """A server takes 128 KiB for a parameter, whatever number of names is in it."""
    names = [f"{n}-{'传' * 2_000}" for n in range(40)]
    events = [scored("logs", day_ms + n, n, service=name) for n, name in enumerate(names)]
    await store.hold(rows=folded("logs", events), events=events)
    series = [Series("logs", "service", name) for name in names]
    found = await store.history(series, seconds=60, since_ms=day_ms)
    assert {one: [row.events for row in of_it] for one, of_it in found.items()} == {key: [1] for key in series}


@given(st.lists(st.text(max_size=200).map(lambda text: (text * 99, "x")), max_size=60))
def test_pieces_hold_everything_in_order_and_no_more_than_a_server_takes(wanted):
    pieces = list(_parts(wanted))
    assert [one for some in pieces for one in some] == wanted
    for some in pieces:
        asked = str(some).replace("\\", "\\\\").encode()
        assert len(asked) <= 128 * 1_024 or len(some) == 1


async def test_evidence_of_a_sentiment_is_the_worst(store, day_ms):
    tones = [0, -9_000, 4_000, -9_000, -2_000]
    events = [
        scored(
            "news", day_ms + n, n, source=KEY, entities=("x",),
            findings=Findings(sentiment="negative" if tone < 0 else "neutral", sentiment_e4=tone),
        )
        for n, tone in enumerate(tones)
    ]  # fmt: skip
    unread = scored("news", day_ms + 9, 9, source=KEY)
    await store.hold(events=[*events, unread, scored("news", day_ms + MINUTE_MS, 10, source=KEY)])
    found = await store.evidence(alert(Series("news", "source", KEY), "sentiment_drop", day_ms), size=3)
    assert [(one.offset, one.score) for one in found] == [(1, -0.9), (3, -0.9), (4, -0.2)]
    assert found[0] == Evidence("news.raw", day_of(day_ms) * 10, 1, "id-0-1", "text 1", -0.9)


async def test_evidence_of_errors_are_the_errors(store, day_ms):
    lines = [("", "info", 0.9), ("error", "info", 0.25), ("", "critical", 0.75), ("info", "error", 1.0)]
    events = [
        scored(
            "logs", day_ms + n, n, service="pay", level=level, findings=Findings(severity=severity, severity_score=s)
        )
        for n, (level, severity, s) in enumerate(lines)
    ]
    await store.hold(events=events)
    found = await store.evidence(alert(Series("logs", "service", "pay"), "error_surge", day_ms), size=3)
    assert [one.offset for one in found] == [2, 1, 3]
    assert [one.score for one in found] == [0.75, 0.25, 1.0]


@pytest.mark.parametrize(
    ("kind", "dimension", "key"),
    [("news", "all", "all"), ("news", "entity", KEY), ("news", "category", "markets"), ("news", "lang", "zh"),
     ("logs", "template", "t1"), ("user", "action", "buy")],
)  # fmt: skip
async def test_evidence_is_of_the_series_and_the_latest(store, day_ms, kind, dimension, key):
    fields = {"entity": {"entities": (KEY, "x")}, "lang": {"lang": "zh"}, "template": {"template_id": "t1"},
              "action": {"action": "buy"}}.get(dimension, {})  # fmt: skip
    found = Findings(category="markets") if dimension == "category" else None
    mine = [scored(kind, day_ms + 1_000 * n, n, findings=found, **fields) for n in range(4)]
    others = [] if dimension == "all" else [scored(kind, day_ms + 59_000, n, partition=1) for n in range(3)]
    await store.hold(events=[*mine, *others])
    of = alert(Series(kind, dimension, key), "volume_surge", day_ms)
    assert [one.offset for one in await store.evidence(of, size=3)] == [3, 2, 1]


async def test_evidence_of_a_drop_are_the_last_that_came(store, day_ms):
    events = [scored("user", day_ms + n * MINUTE_MS, n, action="order") for n in range(5)]
    await store.hold(events=events)
    of = alert(Series("user", "action", "order"), "action_drop", day_ms + 30 * MINUTE_MS)
    assert [one.offset for one in await store.evidence(of, size=3)] == [4, 3, 2]
    early = alert(Series("user", "action", "order"), "action_drop", day_ms - MINUTE_MS)
    assert await store.evidence(early, size=3) == []


async def test_evidence_without_text_says_what_was_done(store, day_ms):
    bought = scored("user", day_ms, 0, action="buy", item_id="SKU-1")
    bare = msgspec.structs.replace(bought, event=msgspec.structs.replace(bought.event, text=""))
    await store.hold(events=[bare])
    (found,) = await store.evidence(alert(Series("user", "action", "buy"), "volume_surge", day_ms), size=3)
    assert found.text == "buy SKU-1"


async def test_a_fake_store_can_be_away():
    store = FakeAlertStore()
    store.away = True
    for call in (
        store.active("news", [], seconds=60, since_ms=0), store.history([], seconds=60, since_ms=0),
        store.latest([]), store.firing("news"), store.write([], told=True), store.untold("news"),
        store.evidence(alert(Series("news", "all", "all"), "x", 0), size=1),
    ):  # fmt: skip
        with pytest.raises(StoreAway):
            await call
