"""One suite, run on the store in memory and on ClickHouse."""

import itertools

import pytest

from streams.adapters.event_store import ClickHouseEventStore
from streams.adapters.fakes import MemoryEventStore
from streams.core.event import Event, Findings, Said, Scored
from streams.core.window import PartitionWindows, WindowRow
from streams.ports import Stretch

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS
_partitions = itertools.count(1_000)


@pytest.fixture(params=["memory", pytest.param("clickhouse", marks=pytest.mark.stack)])
def store(request):
    if request.param == "memory":
        return MemoryEventStore()
    return ClickHouseEventStore(request.getfixturevalue("client"))


@pytest.fixture
def partition():
    return next(_partitions)


def event(partition, offset, time_ms, *, uncertainty=0.0, sentiment="neutral", e4=0, text="text", heads=None):
    return Scored(
        Event(
            kind="news", topic="news.raw", partition=partition, offset=offset, event_id=f"id-{offset}",
            event_time_ms=time_ms, ingested_ms=time_ms, source="wire", entities=("甲公司", "B'c\\d"), text=text,
            lang="zh", value=None,
        ),
        Findings(model="m", sentiment=sentiment, sentiment_e4=e4, uncertainty=uncertainty, heads=heads or {}),
    )  # fmt: skip


def folded(partition, events, *, state=None):
    state = state or PartitionWindows(
        kind="news", topic="news.raw", partition=partition, sizes=(60, 3600), lateness_ms=60_000
    )
    return state.fold(events)


def by_key(rows):
    return {row.row_key: row for row in rows}


async def test_nothing_is_known_of_a_new_partition(store, partition):
    restored = await store.restore("news", "news.raw", partition, lateness_ms=60_000)
    assert restored.watermark_ms is None
    assert restored.rows == ()


async def test_open_rows_come_back_as_they_were(store, partition):
    events = [event(partition, i, START_MS + i * 7_001, sentiment="negative", e4=-1_234 - i) for i in range(40)]
    rows = folded(partition, events)
    await store.write(events, rows)
    restored = await store.restore("news", "news.raw", partition, lateness_ms=60_000)
    horizon_ms = events[-1].event.event_time_ms - 60_000
    still_open = [row for row in rows if row.window_start_ms + row.window_seconds * 1_000 > horizon_ms]
    assert restored.watermark_ms == events[-1].event.event_time_ms
    assert by_key(restored.rows) == by_key(still_open)
    assert any(row.window_seconds == 60 for row in restored.rows)


async def test_the_greater_last_offset_wins_whatever_comes_last(store, partition):
    events = [event(partition, i, START_MS + i) for i in range(3)]
    before, after = folded(partition, events[:1]), folded(partition, events)
    await store.write(events, after)
    await store.write(events[:1], before)
    restored = await store.restore("news", "news.raw", partition, lateness_ms=0)
    assert by_key(restored.rows) == by_key(after)


async def test_writing_again_changes_nothing(store, partition):
    events = [event(partition, i, START_MS + i) for i in range(10)]
    rows = folded(partition, events)
    for _ in range(3):
        await store.write(events, rows)
    await store.write(events[3:5], rows)
    restored = await store.restore("news", "news.raw", partition, lateness_ms=0)
    assert by_key(restored.rows) == by_key(rows)


async def test_rows_of_closed_windows_are_found_by_window(store, partition):
    events = [event(partition, 0, START_MS), event(partition, 1, START_MS + 10 * HOUR_MS)]
    rows = folded(partition, events)
    await store.write(events, rows)
    found = await store.rows_of("news", "news.raw", partition, {(60, START_MS), (3600, START_MS)})
    assert by_key(found) == by_key(row for row in rows if row.window_start_ms == START_MS)
    assert await store.rows_of("news", "news.raw", partition, {(60, START_MS + 60_000)}) == []


async def test_a_batch_may_span_any_number_of_months_and_windows(store, partition):
    """An archive is brought in: each event in a month of its own. ClickHouse takes 100 unless it is told otherwise."""
    months = [event(partition, i, i * 30 * 24 * HOUR_MS) for i in range(120)]
    crowd = [event(partition, 120 + i, START_MS + i * 60_000) for i in range(2_100)]
    rows = folded(partition, [*months, *crowd])
    await store.write(months, rows)
    await store.write(crowd, [])
    found = await store.rows_of("news", "news.raw", partition, {row.row_key[:2] for row in rows})
    assert by_key(found) == by_key(rows)
    stretch = Stretch("news", "news.raw", partition, 0, 120 * 30 * 24 * HOUR_MS, HOUR_MS)
    drawn = await store.pick_samples(stretch, size=1, share=1.0)
    assert {sample.scored.event.offset for sample in drawn if sample.reason == "random"} >= set(range(120))


async def test_partitions_do_not_see_each_other(store, partition):
    events = [event(partition, 0, START_MS)]
    await store.write(events, folded(partition, events))
    assert (await store.restore("news", "news.raw", next(_partitions), lateness_ms=0)).watermark_ms is None


async def test_samples_know_what_further_heads_said(store, partition):
    said = {"desk": Said("退款", 0.75), "tone": Said("it's \\rude", 0.5)}
    await store.write([event(partition, 0, START_MS, heads=said)], [])
    stretch = Stretch("news", "news.raw", partition, START_MS, START_MS + HOUR_MS, HOUR_MS)
    (sample,) = await store.pick_samples(stretch, size=5, share=1.0)
    assert sample.scored.findings.heads == said
    await store.write_samples([sample], told=True)


async def test_samples_are_bounded_and_the_same_at_each_call(store, partition):
    events = [event(partition, i, START_MS + i * 60_000, uncertainty=i / 100) for i in range(100)]
    await store.write(events, [])
    stretch = Stretch("news", "news.raw", partition, START_MS, START_MS + 2 * HOUR_MS, HOUR_MS)
    samples = await store.pick_samples(stretch, size=5, share=1.0)
    assert samples == await store.pick_samples(stretch, size=5, share=1.0)
    uncertain = [sample for sample in samples if sample.reason == "uncertain"]
    assert [s.scored.event.offset for s in uncertain if s.picked_for_ms == START_MS] == [59, 58, 57, 56, 55]
    assert [s.scored.event.offset for s in uncertain if s.picked_for_ms == START_MS + HOUR_MS] == [99, 98, 97, 96, 95]
    drawn = [sample for sample in samples if sample.reason == "random"]
    assert len({sample.scored.event.offset for sample in drawn}) == 10
    few = await store.pick_samples(stretch, size=5, share=0.05)
    assert len([s for s in few if s.reason == "random" and s.picked_for_ms == START_MS]) == 3
    least = await store.pick_samples(stretch, size=5, share=0.001)
    assert len([s for s in least if s.reason == "random"]) == 2
    await store.write_samples(samples, told=True)
    await store.write_samples(samples, told=True)


async def test_samples_are_given_back_as_they_were_picked(store, partition):
    said = {"desk": Said("退款", 0.75)}
    events = [event(partition, i, START_MS + i * HOUR_MS, uncertainty=0.9, heads=said) for i in range(3)]
    await store.write(events, folded(partition, events))
    assert (await store.restore("news", "news.raw", partition, lateness_ms=0)).sampled_ms is None
    stretch = Stretch("news", "news.raw", partition, START_MS, START_MS + 2 * HOUR_MS, HOUR_MS)
    picked = await store.pick_samples(stretch, size=5, share=1.0)
    assert await store.untold_samples(stretch) == []
    await store.write_samples(picked, told=False)
    found = await store.untold_samples(stretch)
    assert sorted(found, key=told) == sorted(picked, key=told)
    assert {sample.scored.event.offset for sample in found} == {0, 1}
    assert (await store.restore("news", "news.raw", partition, lateness_ms=0)).sampled_ms == START_MS + HOUR_MS
    later = Stretch("news", "news.raw", partition, START_MS + HOUR_MS, START_MS + 2 * HOUR_MS, HOUR_MS)
    assert {sample.scored.event.offset for sample in await store.untold_samples(later)} == {0, 1}
    await store.write_samples([one for one in picked if one.scored.event.offset == 0], told=True)
    assert {sample.scored.event.offset for sample in await store.untold_samples(later)} == {1}
    await store.write_samples(picked, told=True)
    assert await store.untold_samples(stretch) == []


def told(sample):
    return sample.scored.event.offset, sample.reason


@pytest.mark.stack
async def test_no_table_of_ours_drops_what_is_repeated(client):
    for table in ("events", "windows", "alerts", "samples"):
        created = await client.command(f"SHOW CREATE TABLE {table}")
        assert "non_replicated_deduplication_window = 0" in created


@pytest.mark.stack
async def test_what_further_heads_say_can_be_asked_for(client, partition):
    store = ClickHouseEventStore(client)
    events = [event(partition, i, START_MS + i, heads={"desk": Said(label, 0.75)}) for i, label in enumerate("abb")]
    await store.write([*events, event(partition, 3, START_MS)], [])
    asked = "SELECT heads['desk'].label AS desk, count(), max(heads['desk'].score) FROM events FINAL"
    answer = await client.query(f"{asked} WHERE partition = {partition} GROUP BY desk ORDER BY desk")
    assert answer.result_rows == [("", 1, 0.0), ("a", 1, 0.75), ("b", 2, 0.75)]


def test_a_row_knows_its_key():
    row = WindowRow("news", "all", "all", 60, 0, "t", 0, 1, 0, 0, 0, 0, 0, 0.0, 0, 1, 0)
    assert row.row_key == (60, 0, "all", "all")
