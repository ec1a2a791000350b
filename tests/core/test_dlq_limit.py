from hypothesis import given
from hypothesis import strategies as st

from streams.core.dlq_limit import DlqLimit, LetterCount


def batches():
    return st.lists(st.integers(1, 50).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=40)


@given(batches(), st.integers(1, 200), st.floats(0.05, 1))
def test_it_says_what_the_last_batches_say(some, window, share):
    """Counted anew from all batches: the latest ones that together hold the window."""
    count = LetterCount(DlqLimit(share, window))
    for at, (events, letters) in enumerate(some, 1):
        tails = (some[back:at] for back in range(at - 1, -1, -1))
        last = next((tail for tail in tails if sum(n for n, _ in tail) >= window), some[:at])
        bad, all_of_them = sum(b for _, b in last), max(window, sum(n for n, _ in last))
        assert count.too_many(events, letters) == bool(letters and bad > share * all_of_them)
        count.add(events, letters)


@given(batches())
def test_a_share_of_one_lets_everything_pass(some):
    count = LetterCount(DlqLimit(1, 10))
    for events, letters in some:
        assert not count.too_many(events, letters)
        count.add(events, letters)


def test_asking_changes_nothing():
    count = LetterCount(DlqLimit(0.5, 10))
    count.add(4, 4)
    assert [count.too_many(2, 2) for _ in range(3)] == [True] * 3
    assert not count.too_many(1, 1)
