"""Batches grow until they last as long as they should, and shrink where they last longer."""

from hypothesis import given
from hypothesis import strategies as st

from streams.core.pace import Pace

rates = st.floats(10, 100_000)
times = st.floats(0, 1_000)


@given(st.integers(1, 10_000), st.lists(st.tuples(st.integers(1, 20_000), times, times), max_size=20))
def test_it_stays_within_its_bounds_and_moves_by_at_most_two(most, batches):
    pace = Pace.up_to(most)
    for count, prepared_s, flushed_s in batches:
        after = pace.after(count, prepared_s=prepared_s, flushed_s=flushed_s)
        assert min(after.least, most) <= after.size <= most
        assert pace.size // 2 <= after.size <= max(2 * pace.size, after.least)
        pace = after


@given(rates, st.floats(0, 2), st.integers(64, 5_000))
def test_where_more_waits_it_settles_where_preparing_lasts_as_long_as_aimed_at_or_as_flushing(per_s, flushed_s, size):
    pace = Pace(most=50_000, size=size)
    for _ in range(20):
        pace = pace.after(pace.size, prepared_s=pace.size / per_s, flushed_s=flushed_s)
    assert abs(pace.size - min(50_000, max(64, int(per_s * max(pace.behind_s, flushed_s))))) <= 1


@given(st.floats(300, 100_000), st.integers(64, 50_000))
def test_when_nothing_waits_any_more_batches_become_short_again(per_s, size):
    pace = Pace(most=50_000, size=size)
    for _ in range(20):
        count = pace.size - 1
        pace = pace.after(count, prepared_s=count / per_s, flushed_s=0.0)
    assert pace.size <= max(pace.least, per_s * pace.aim_s + 2, size if size <= per_s * pace.aim_s else 0)


@given(st.integers(64, 5_000), st.integers(1, 5_000), st.floats(0, 0.25), times)
def test_a_slow_store_never_makes_batches_smaller(size, count, prepared_s, flushed_s):
    pace = Pace(most=50_000, size=size)
    assert pace.after(min(count, size), prepared_s=prepared_s, flushed_s=flushed_s).size >= size


@given(st.integers(65, 5_000))
def test_a_batch_that_was_not_full_and_soon_prepared_changes_nothing(size):
    pace = Pace(most=50_000, size=size)
    assert pace.after(size - 1, prepared_s=pace.aim_s, flushed_s=9.0) == pace
