import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import expected_error, logits_of, sure_from, temperature, tempered


def drawn(heat: float) -> tuple[np.ndarray, list[int]]:
    """Logits of a head that is `heat` times too sure, and labels that were drawn by honest shares."""
    chance = np.random.default_rng(0)
    logits = chance.normal(0, 2, (4_000, 3))
    truth = [int(chance.choice(3, p=row)) for row in tempered(logits, 1.0)]
    return logits * heat, truth


@pytest.mark.parametrize("heat", [0.5, 1.0, 2.0, 4.0])
def test_the_temperature_takes_back_what_a_head_claims_too_much(heat: float) -> None:
    said, truth = drawn(heat)
    found = temperature(said, truth)
    assert found == pytest.approx(heat, rel=0.12)
    honest = tempered(said, found)
    right = [bool(hit) for hit in honest.argmax(1) == truth]
    assert expected_error(honest.max(1).tolist(), right) < 0.03
    if heat >= 2:
        assert expected_error(tempered(said, 1.0).max(1).tolist(), right) > 0.05


def test_a_temperature_changes_no_label() -> None:
    said, truth = drawn(3.0)
    assert (tempered(said, temperature(said, truth)).argmax(1) == said.argmax(1)).all()


def test_logits_give_back_their_shares() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(tempered(logits_of(shares), 1.0), shares, atol=1e-6)


def test_no_rows_no_temperature() -> None:
    assert temperature(np.zeros((0, 3)), []) == 1.0
    assert expected_error([], []) == 0.0


def test_an_honest_head_has_no_error() -> None:
    assert expected_error([0.75] * 4, [True, True, True, False]) == 0.0
    assert expected_error([1.0] * 4, [False] * 4) == 1.0


def test_sure_is_where_enough_answers_are_right() -> None:
    confidence, right = [0.9, 0.8, 0.7, 0.6], [True, True, False, False]
    assert sure_from(confidence, right, share=1.0) == 0.8
    assert sure_from(confidence, right, share=0.6) == 0.7
    assert sure_from(confidence, right, share=0.5) == 0.6
    assert sure_from([0.5], [False], share=0.5) == 1.0


@given(st.lists(st.tuples(st.floats(0.4, 1), st.booleans()), min_size=1), st.floats(0.1, 1))
def test_answers_called_sure_are_right_as_often_as_asked(rows: list[tuple[float, bool]], share: float) -> None:
    confidence, right = [round(one, 3) for one, _ in rows], [hit for _, hit in rows]
    least = sure_from(confidence, right, share=share)
    sure = [hit for one, hit in zip(confidence, right, strict=True) if one >= least]
    if least < 1:
        assert sum(sure) >= share * len(sure) - 1e-9
