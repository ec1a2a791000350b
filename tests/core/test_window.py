"""Windows: every event counts once, in any batches, through any replay.

events of a partition     0  1  2  3  4  5  6
flushed by the first run  [------------]          rows up to 4 stored, 2 committed
replayed by the second             [--------]     3 and 4 are in the rows already
"""

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.event import Event, Findings, Scored
from streams.core.window import PartitionWindows, WindowRow, join, series_of, start_of

SIZES = (60, 3600)
LATENESS_MS = 60_000


def scored(
    offset, time_ms, *, source="wire", sentiment="neutral", e4=0, anomaly=0.0, kind="news", entities=(), level="",
    sent_ms=None,
):  # fmt: skip
    event = Event(
        kind=kind, topic=f"{kind}.raw", partition=0, offset=offset, event_id=str(offset), event_time_ms=time_ms,
        ingested_ms=time_ms if sent_ms is None else sent_ms, source=source, entities=entities, level=level,
    )  # fmt: skip
    return Scored(event, Findings(sentiment=sentiment, sentiment_e4=e4, anomaly_score=anomaly))


class Store:
    """Keeps the join of everything written, as ReplacingMergeTree does."""

    def __init__(self):
        self.rows: dict[tuple, WindowRow] = {}

    def write(self, rows):
        for row in rows:
            known = self.rows.get(row.row_key)
            self.rows[row.row_key] = row if known is None else join(known, row)

    def watermark(self):
        return max((row.watermark_ms for row in self.rows.values()), default=None)

    def at(self, windows):
        return [row for row in self.rows.values() if row.row_key[:2] in windows]


def new():
    return PartitionWindows(kind="news", topic="news.raw", partition=0, sizes=SIZES, lateness_ms=LATENESS_MS)


def restored(store):
    state = new()
    state.watermark_ms = store.watermark()
    state.restore(store.watermark(), [row for row in store.rows.values() if state.is_open(row.row_key[:2])])
    return state


def step(state, store, batch):
    missing = state.missing(one.event.event_time_ms for one in batch)
    state.load(missing, store.at(missing))
    store.write(state.fold(batch))
    state.forget_closed()


def truth(events):
    count, total = Counter(), Counter()
    for one, seconds in itertools.product(events, SIZES):
        for series in series_of(one):
            at = (seconds, start_of(one.event.event_time_ms, seconds), *series)
            count[at] += 1
            total[at] += one.findings.sentiment_e4
    return {at: (count[at], total[at]) for at in count}


def stored(store):
    return {at: (row.events, row.sentiment_sum_e4) for at, row in store.rows.items()}


times = st.integers(0, 4 * 3_600_000)
streams = st.lists(
    st.tuples(times, st.sampled_from(["a", "b"]), st.integers(-10_000, 10_000), st.lists(st.sampled_from("xyz"))),
    min_size=1,
    max_size=60,
).map(lambda raw: [scored(i, t, source=s, e4=e, entities=tuple(x)) for i, (t, s, e, x) in enumerate(raw)])


@settings(max_examples=300, deadline=None)
@given(streams, st.data())
def test_every_event_counts_once_through_crashes_and_replays(events, data):
    store, committed = Store(), 0
    state = restored(store)
    while committed < len(events):
        end = data.draw(st.integers(committed + 1, len(events)), label="batch end")
        step(state, store, events[committed:end])
        if data.draw(st.booleans(), label="crash before the commit"):
            committed = data.draw(st.integers(0, committed), label="committed offset")
            state = restored(store)
        else:
            committed = end
        if data.draw(st.integers(0, 20), label="patience") == 20:
            break
    state = restored(store)
    step(state, store, events)
    assert stored(store) == truth(events)


@settings(max_examples=200, deadline=None)
@given(streams, st.data())
def test_a_zombie_that_goes_on_with_stale_state_changes_nothing(events, data):
    store = Store()
    zombie = restored(store)
    cut = data.draw(st.integers(0, len(events)))
    if events[:cut]:
        step(zombie, store, events[:cut])
    owner = restored(store)
    half = data.draw(st.integers(cut, len(events)))
    if events[cut:half]:
        step(owner, store, events[cut:half])
        step(zombie, store, events[cut:half])
    if events[half:]:
        step(zombie, store, events[half:])
        step(owner, store, events[half:])
    assert stored(store) == truth(events)


@given(streams, st.randoms(use_true_random=False))
def test_order_does_not_matter_for_the_sums(events, random):
    one, other = Store(), Store()
    step(restored(one), one, events)
    moments = [event.event.event_time_ms for event in events]
    random.shuffle(moments)
    shuffled = sorted(events, key=lambda event: moments[event.event.offset])
    renumbered = [Scored(_at_offset(one.event, i), one.findings) for i, one in enumerate(shuffled)]
    step(restored(other), other, renumbered)
    assert stored(one) == stored(other)


def _at_offset(event, offset):
    fields = {name: getattr(event, name) for name in event.__struct_fields__} | {"offset": offset}
    return Event(**fields)


rows = st.builds(
    lambda offset: WindowRow("news", "all", "all", 60, 0, "news.raw", 0, offset, 0, offset, 0, 0, 0, 0.0, 0, offset, 0),
    st.integers(0, 100),
)


@given(rows, rows, rows)
def test_join_is_a_semilattice(a, b, c):
    assert join(a, b) == join(b, a)
    assert join(a, join(b, c)) == join(join(a, b), c)
    assert join(a, a) == a


def test_windows_close_by_event_time_alone():
    state = new()
    state.fold([scored(0, 10_000)])
    assert state.is_open((60, 0))
    state.fold([scored(1, 119_999)])
    assert state.is_open((60, 0)), "the lateness is not over yet"
    state.fold([scored(2, 120_000)])
    assert not state.is_open((60, 0))
    assert state.is_open((60, 60_000))


def test_the_watermark_never_goes_back():
    state = new()
    state.fold([scored(0, 500_000), scored(1, 3)])
    assert state.watermark_ms == 500_000


def test_a_sender_whose_clock_is_ahead_closes_nobodys_windows():
    state, hour = new(), 3_600_000
    state.fold([scored(0, 10_000), scored(1, 8 * hour, sent_ms=11_000), scored(2, 12_000)])
    assert state.watermark_ms == 12_000
    assert state.is_open((60, 0))
    assert state.is_open((60, 8 * hour))
    state.fold([scored(3, 9 * hour, sent_ms=130_000)])
    assert not state.is_open((60, 0)), "what was sent since tells how late it is"


def test_an_event_of_the_past_moves_the_watermark_by_its_own_time():
    state = new()
    state.fold([scored(0, 10_000, sent_ms=9 * 3_600_000)])
    assert state.watermark_ms == 10_000


def test_a_record_without_a_time_stamp_counts_as_of_its_event():
    state = new()
    state.fold([scored(0, 10_000, sent_ms=-1)])
    assert state.watermark_ms == 10_000


@given(st.lists(st.tuples(st.integers(0, 10**8), st.integers(-1, 10**8)), min_size=1))
def test_the_watermark_lies_after_no_event_nor_after_all_that_was_sent(times):
    state, reached = new(), None
    for offset, (time_ms, sent_ms) in enumerate(times):
        before = state.watermark_ms
        state.fold([scored(offset, time_ms, sent_ms=sent_ms)])
        reached = max(time_ms if sent_ms < 0 else min(time_ms, sent_ms), reached or 0)
        assert state.watermark_ms == reached
        assert before is None or before <= state.watermark_ms


def test_what_is_closed_is_forgotten_and_what_is_late_must_be_loaded():
    state = new()
    state.fold([scored(0, 0), scored(1, 10 * 3_600_000)])
    state.forget_closed()
    assert {row[1] for row in (r[:2] for r in state._rows)} == {10 * 3_600_000}
    assert state.missing([5]) == {(60, 0), (3600, 0)}
    assert state.missing([10 * 3_600_000 + 1]) == set()


def test_an_entity_named_twice_counts_once():
    assert series_of(scored(0, 0, entities=("x", "y", "x"))).count(("entity", "x")) == 1


@pytest.mark.parametrize(
    ("level", "severity", "errors"),
    [("error", "info", 1), ("e", "info", 1), ("f", "info", 1), ("info", "error", 0), ("", "critical", 1)],
)
def test_a_declared_level_decides_what_is_an_error(level, severity, errors):
    state = PartitionWindows(kind="logs", topic="logs.raw", partition=0, sizes=(60,), lateness_ms=0)
    line = scored(0, 0, kind="logs", level=level)
    row = state.fold([Scored(line.event, Findings(severity=severity))])[0]
    assert row.errors == errors
