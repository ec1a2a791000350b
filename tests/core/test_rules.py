"""Each rule by itself: what breaks it, what does not."""

import pytest

from streams.core.baseline import of_counts, spread
from streams.core.rules import RULES, WATCH, Limits, action_drop, error_surge, sentiment_drop, volume_surge
from streams.core.series import MergedWindow
from streams.topology import DIMENSIONS

LIMITS = Limits()


def windows(*events, errors=0, sentiment=0.0):
    return [counted(number, errors=errors, sentiment=sentiment) for number in events]


def counted(events, *, errors=0, sentiment=0.0):
    negative = events if sentiment < 0 else 0
    return MergedWindow(
        start_ms=0, seconds=60, events=events, errors=errors, negative=negative, positive=events - negative,
        sentiment_sum_e4=round(sentiment * events * 10_000),
    )  # fmt: skip


def test_a_baseline_is_not_moved_by_an_outlier():
    assert of_counts([20] * 20).median == of_counts([20] * 19 + [5_000]).median == 20


def test_a_constant_series_has_a_scale():
    assert of_counts([100] * 10).scale == 10
    assert of_counts([0] * 10).scale == 1
    assert spread([1, 1, 1]) == 0


def test_a_baseline_of_an_even_number_lies_between():
    assert of_counts([1, 2, 3, 10]).median == 2.5


@pytest.mark.parametrize(("events", "breaks"), [(20, False), (46, False), (59, False), (60, True), (500, True)])
def test_volume_surge_wants_a_ratio_and_a_distance(events, breaks):
    assert bool(volume_surge(counted(events), windows(*[20] * 30), LIMITS)) is breaks


def test_volume_surge_wants_a_minimum():
    assert volume_surge(counted(9), windows(*[0] * 30), LIMITS) is None
    assert volume_surge(counted(10), windows(*[0] * 30), LIMITS).expected == 0


def test_volume_surge_respects_a_series_that_bursts_by_itself():
    bursting = windows(*[2, 2, 2, 2, 60] * 6)
    assert volume_surge(counted(60), bursting, LIMITS) is None
    assert volume_surge(counted(120), bursting, LIMITS)


@pytest.mark.parametrize("every", [11, 15, 30, 59])
def test_what_comes_on_schedule_is_usual(every):
    """Twelve lines at once, every so many minutes, nothing between: the median says nothing of that."""
    scheduled = windows(*(12 if n % every == 0 else 0 for n in range(60)))
    assert volume_surge(counted(12), scheduled, LIMITS) is None
    assert volume_surge(counted(18), scheduled, LIMITS)


def test_more_errors_are_a_surge():
    breach = error_surge(counted(200, errors=41), windows(*[200] * 30, errors=2), LIMITS)
    assert (breach.value, breach.expected) == (41, 2)
    assert breach.score > 12


def test_more_traffic_with_its_share_of_errors_is_none():
    assert error_surge(counted(2_000, errors=20), windows(*[200] * 30, errors=2), LIMITS) is None


def test_a_service_that_fails_while_its_traffic_shrinks_is_one():
    breach = error_surge(counted(40, errors=36), windows(*[400] * 30, errors=30), LIMITS)
    assert breach.value == 36
    assert breach.expected == pytest.approx(40 * 30 / 400, rel=0.01)


def test_few_errors_are_none():
    assert error_surge(counted(10, errors=4), windows(*[10] * 30), LIMITS) is None


def test_sentiment_falls():
    breach = sentiment_drop(counted(12, sentiment=-0.8), windows(*[3] * 30, sentiment=0.3), LIMITS)
    assert breach.value == pytest.approx(-0.8)
    assert breach.expected == pytest.approx(0.3)


def test_what_is_always_bad_does_not_fall():
    assert sentiment_drop(counted(50, sentiment=-0.9), windows(*[50] * 30, sentiment=-0.9), LIMITS) is None


def test_few_events_prove_nothing():
    past = windows(*[3] * 30, sentiment=0.3)
    few = next(rule for rule in RULES if rule.name == "sentiment_drop")
    assert not few.worth(counted(5, sentiment=-1.0), LIMITS)
    assert sentiment_drop(counted(50, sentiment=-1.0), past[:6], LIMITS) is None


def test_sentiment_that_always_wanders_must_fall_further():
    wandering = [counted(10, sentiment=mean) for mean in (0.9, -0.5, 0.7, -0.6, 0.8, -0.4) * 5]
    steady = windows(*[10] * 30, sentiment=0.15)
    assert sentiment_drop(counted(40, sentiment=-0.7), steady, LIMITS)
    assert sentiment_drop(counted(40, sentiment=-0.7), wandering, LIMITS) is None


@pytest.mark.parametrize(("events", "usual", "breaks"), [(0, 20, True), (4, 20, True), (5, 20, False), (0, 12, False)])
def test_action_drop(events, usual, breaks):
    assert bool(action_drop(counted(events), windows(*[usual] * 30), LIMITS)) is breaks


def test_rules_watch_dimensions_that_there_are():
    assert all(dimension in DIMENSIONS[kind] for kind, dimension in WATCH)
    assert {rule.name for rules in WATCH.values() for rule in rules} == {
        "volume_surge", "sentiment_drop", "error_surge", "action_drop",
    }  # fmt: skip
