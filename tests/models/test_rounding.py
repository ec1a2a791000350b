"""What int8 weights promise: no pair of them overflows anywhere, and little is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export import balance, rounding

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A weight[64, 24], with a few great ones, and inputs[200, 64] whose channels go together."""
    chance = np.random.default_rng(seed)
    weight = chance.standard_t(3, (64, 24)).astype(np.float32)
    rows = chance.standard_normal((200, 8)) @ chance.standard_normal((8, 64)) + 0.3 * chance.standard_normal((200, 64))
    return weight, rows.astype(np.float32)


def second(rows: np.ndarray) -> np.ndarray:
    return (rows.T @ rows / len(rows)).astype(np.float64)


@given(SEEDS, st.sampled_from([1e-8, 1.0, 1e6]))
@settings(max_examples=30, deadline=None)
def test_no_pair_of_products_leaves_16_bits(seed: int, size: float) -> None:
    weight, rows = drawn(seed)
    weight *= size
    scale = rounding.column_scales(weight)
    for whole in (np.rint(weight / scale), rounding.compensated(weight, scale, second(rows)).astype(int)):
        assert np.abs(whole).max() <= 127
        for ends in (np.maximum(whole, 0), np.maximum(-whole, 0)):
            assert 255 * (ends[0::2] + ends[1::2]).max() <= 32_767


def test_compensation_loses_less_than_rounding_each_weight_by_itself() -> None:
    weight, rows = drawn(1)
    scale = rounding.column_scales(weight)
    right = rows @ weight
    by_itself = np.linalg.norm(rows @ (np.rint(weight / scale) * scale) - right)
    together = np.linalg.norm(rows @ (rounding.compensated(weight, scale, second(rows)) * scale) - right)
    assert together < 0.5 * by_itself


def test_a_column_of_zeros_stays_one() -> None:
    weight, rows = drawn(2)
    weight[:, 3] = 0
    assert not rounding.compensated(weight, rounding.column_scales(weight), second(rows))[:, 3].any()


def quantized(rows: np.ndarray) -> np.ndarray:
    scale = np.abs(rows).max(1, keepdims=True) / 127
    return np.rint(rows / scale) * scale


@pytest.mark.parametrize("channel", [0, 17])
def test_a_channel_that_is_always_great_is_made_smaller(channel: int) -> None:
    weight, rows = drawn(3)
    rows[:, channel] *= 30
    factor = balance.factors(rows, weight)
    assert factor.argmax() == channel
    right = rows @ weight
    before = np.linalg.norm(quantized(rows) @ weight - right)
    after = np.linalg.norm(quantized(rows / factor) @ (weight * factor[:, None]) - right)
    assert after < 0.7 * before


def test_the_same_rows_give_the_same_factors() -> None:
    weight, rows = drawn(4)
    assert balance.factors(rows, weight).tobytes() == balance.factors(rows, weight).tobytes()
