"""The recount of windows can fail: each column, each dimension, each size."""

import pytest

from tests.chaos.audit_sums import KEYS, SHAPES, check_sums, of_events, of_windows
from tests.chaos.ledger import SIZES, Diverged

ROW = ("news", "a", 1_749_999_960_000, "news.raw", 1, 5, 1, 3, 1, -1_250, 2, 0.8125, 1, 17)
COUNTED = range(5, len(ROW))
EACH = [(dimension, seconds) for dimension in KEYS for seconds in SIZES]


def check(**changed):
    answers = {SHAPES: EACH} | {ask(*at): [ROW] for at in EACH for ask in (of_events, of_windows)}
    check_sums((answers | changed.pop("answers", {})).__getitem__)


def test_rows_that_are_the_events():
    check()


def test_the_score_of_an_event_is_kept_in_half_as_many_bits():
    bits = 0.8125 + 2**-25
    check(answers={of_events("all", 60): [(*ROW[:11], bits, *ROW[12:])]})


@pytest.mark.parametrize(("dimension", "seconds"), EACH)
@pytest.mark.parametrize("rows", [[], [ROW, ("news", "b", *ROW[2:])]])
def test_a_row_too_few_or_too_many(dimension, seconds, rows):
    with pytest.raises(Diverged, match=f"1 of . differ\n.*'{dimension}', '.', {seconds}"):
        check(answers={of_windows(dimension, seconds): rows})


@pytest.mark.parametrize("column", COUNTED)
def test_a_column_that_differs(column):
    wrong = (*ROW[:column], ROW[column] + 1, *ROW[column + 1 :])
    with pytest.raises(Diverged, match="sums of windows against events: 1 of 1 differ"):
        check(answers={of_windows("template", 60): [wrong]})


@pytest.mark.parametrize("shape", [("host", 60), ("all", 61)])
def test_rows_of_no_known_shape(shape):
    with pytest.raises(Diverged, match="nothing has rows of"):
        check(answers={SHAPES: [*EACH, shape]})
