from hypothesis import given
from hypothesis import strategies as st

from models.packing import STEP, chunks, padded, runs

lengths = st.lists(st.integers(1, 96), max_size=60)


@given(lengths)
def test_every_text_is_in_exactly_one_run(given_lengths: list[int]) -> None:
    placed = [position for _length, positions in runs(given_lengths) for position in positions]
    assert sorted(placed) == list(range(len(given_lengths)))


@given(lengths, st.integers(1, 400))
def test_a_run_keeps_its_budget_or_holds_one_text(given_lengths: list[int], budget: int) -> None:
    for length, positions in runs(given_lengths, budget=budget):
        assert len(positions) == 1 or length * len(positions) <= budget


@given(lengths, st.integers(1, 40), st.integers(1, 400))
def test_chunks_hold_all_texts_in_order(given_lengths: list[int], most: int, letters: int) -> None:
    cut = [given_lengths[some] for some in chunks(given_lengths, most=most, letters=letters)]
    assert [length for some in cut for length in some] == given_lengths
    assert all(some and len(some) <= most and (len(some) == 1 or sum(some) <= letters) for some in cut)


def test_no_worker_has_all_articles_of_a_batch() -> None:
    """Thirty for one of two workers and thirty headlines for the other: a third of the time it was idle."""
    cut = list(chunks([1_800] * 30 + [80] * 30, most=32, letters=3_200))
    assert [some.stop - some.start for some in cut] == [1] * 29 + [18, 13]


@given(lengths)
def test_padding_is_a_matter_of_a_text_alone(given_lengths: list[int]) -> None:
    for length, positions in runs(given_lengths):
        for position in positions:
            assert length == padded(given_lengths[position])
            assert 0 <= length - given_lengths[position] < STEP
