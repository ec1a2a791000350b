"""What may be committed: never past what is not done, never held up by an offset that nobody can read."""

from hypothesis import given
from hypothesis import strategies as st

from streams.core.deliveries import Deliveries


def deliveries(*offsets, done=()):
    one = Deliveries()
    for offset in offsets:
        one.deliver(offset)
    for offset in done:
        one.finish(offset)
    return one


def test_the_fault_that_faust_has():
    assert deliveries(2585, 2586, 2587, 2588, done=[2586, 2587, 2588]).committable is None


def test_nothing_is_waited_for_that_was_not_delivered():
    """A transaction's marker at 3, a stretch that compaction took, and the committed offset 0 itself."""
    assert deliveries(1, 2, 4, 90, done=[1, 2, 4, 90]).committable == 91


def test_what_is_delivered_again_counts_once():
    one = deliveries(5, 6, 7, 5, 6, 7, done=[5])
    assert one.committable == 6
    one.finish(5)
    one.finish(6)
    one.finish(7)
    assert one.committable == 8


@given(st.sets(st.integers(0, 60), min_size=1), st.data())
def test_never_past_an_offset_that_is_not_done(offsets, data):
    order = sorted(offsets)
    done = data.draw(st.lists(st.sampled_from(order)))
    committable = deliveries(*order, done=done).committable
    first_open = next((offset for offset in order if offset not in done), None)
    expected = [offset for offset in order if first_open is None or offset < first_open]
    assert committable == (expected[-1] + 1 if expected else None)
