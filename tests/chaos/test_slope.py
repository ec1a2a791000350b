"""The slope that the soak reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench._slope import means, theil_sen


@given(st.floats(-100, 100), st.floats(-1_000, 1_000), st.integers(5, 30))
def test_a_line_has_its_slope(slope, start, count):
    found, low, high = theil_sen(range(count), [start + slope * at for at in range(count)])
    assert found == pytest.approx(slope, abs=1e-6)
    assert low <= found <= high


def test_outliers_do_not_move_it():
    values = [500 + 2.0 * at for at in range(40)]
    values[7], values[30] = 9_000, 0
    slope, low, high = theil_sen(range(40), values)
    assert slope == pytest.approx(2.0)
    assert low <= 2.0 <= high


def test_what_swings_and_does_not_grow_has_zero_within_its_interval():
    slope, low, high = theil_sen(range(40), [500 + (3, -1, -2, 0)[at % 4] for at in range(40)])
    assert low <= 0 <= high
    assert abs(slope) < 0.2


def test_one_moment_has_no_slope():
    with pytest.raises(ValueError, match="two moments"):
        theil_sen([1.0], [2.0])


def test_means_of_stretches():
    assert means([0, 5, 10, 31, 59], [1, 2, 3, 10, 20], every=30) == ([5, 45], [2, 15])
