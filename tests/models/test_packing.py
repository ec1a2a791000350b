from hypothesis import given
from hypothesis import strategies as st

from models.packing import STEP, padded, runs

lengths = st.lists(st.integers(1, 96), max_size=60)


@given(lengths)
def test_every_text_is_in_exactly_one_run(given_lengths: list[int]) -> None:
    placed = [position for _length, positions in runs(given_lengths) for position in positions]
    assert sorted(placed) == list(range(len(given_lengths)))


@given(lengths, st.integers(1, 400))
def test_a_run_keeps_its_budget_or_holds_one_text(given_lengths: list[int], budget: int) -> None:
    for length, positions in runs(given_lengths, budget=budget):
        assert len(positions) == 1 or length * len(positions) <= budget


@given(lengths)
def test_padding_is_a_matter_of_a_text_alone(given_lengths: list[int]) -> None:
    for length, positions in runs(given_lengths):
        for position in positions:
            assert length == padded(given_lengths[position])
            assert 0 <= length - given_lengths[position] < STEP
