"""What the generated rows add up to, counted the long way."""

import pytest

from streams.topology import KINDS
from tests.bench._generated import END_MS, HOUR, KEYS, MINUTE_MS, PARTITIONS, Made, of, series, step_of
from tests.bench._report import at_share

MADE = Made(hours=3, events=1_000)


@pytest.mark.parametrize("step", [1, 6, 30])
@pytest.mark.parametrize(("from_min", "to_min"), [(-500, 500), (-180, 0), (-61, -7), (-1, 0), (3, 9)])
def test_sums_of_a_series(step, from_min, to_min):
    expected = 0
    for minute in range(MADE.hours * HOUR):
        at = MADE.start_ms + minute * MINUTE_MS
        if END_MS + from_min * MINUTE_MS <= at < END_MS + to_min * MINUTE_MS and minute % step == 0:
            expected += sum(of(minute, p) for p in range(PARTITIONS))
    assert MADE.summed(step, END_MS + from_min * MINUTE_MS, END_MS + to_min * MINUTE_MS) == expected


def test_events_of_a_key():
    from_ms, to_ms = MADE.time_ms(300), MADE.time_ms(800)
    for kind in KINDS:
        mine = [n for n in range(MADE.events) if KINDS[n % 3] == kind and n // 3 % 12 == 7]
        assert MADE.matching(kind, 12, 7, from_ms, to_ms) == sum(300 <= n < 800 for n in mine)
        assert MADE.matching(kind, 12, 7, to_ms, from_ms) == 0


def test_checks_cost_no_time_that_is_measured():
    """They run within it: over 20 million events a check that counts one by one was two thirds of an answer's time."""
    made, steps = Made(hours=1_500, events=20_000_000), 0

    class Counted(Made):
        def time_ms(self, n):
            nonlocal steps
            steps += 1
            return super().time_ms(n)

    counted = Counted(made.hours, made.events)
    assert counted.matching("news", 20, 3, made.start_ms, END_MS) == len(range(9, 20_000_000, 60))
    assert steps < 100


def test_every_hour_has_the_same_rows_of_a_series():
    assert all(HOUR % step_of(number) == 0 for count in KEYS.values() for number in range(count))


def test_as_many_rows_as_asked_for():
    made = Made.of(windows=1_000_000, events=9)
    rows = made.hours * sum(PARTITIONS * (HOUR // step + 1) for *_, step in series())
    assert abs(rows - 1_000_000) < 50_000


def test_shares():
    assert [at_share(range(1, 21), share) for share in (0.05, 0.5, 0.95, 1.0)] == [1, 10, 19, 20]
