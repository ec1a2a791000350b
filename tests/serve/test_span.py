from hypothesis import given
from hypothesis import strategies as st

from streams.serve.span import MOST_BUCKETS, RANGE_MS, Extent, source_for, span_of, width_for

YEAR_MS = 365 * 86_400_000
moments = st.integers(0, 60 * YEAR_MS)
ranges = st.sampled_from([*RANGE_MS, "all"])


@given(ranges, moments, st.integers(60_000, 20 * YEAR_MS), moments)
def test_a_span_covers_what_it_means_in_few_whole_buckets(wanted, first_ms, length_ms, now_ms):
    extent = Extent(first_ms, first_ms + length_ms)
    span = span_of(wanted, extent, now_ms=now_ms, base=60)
    width_ms = span.seconds * 1_000
    assert span.from_ms % width_ms == 0
    assert span.to_ms % width_ms == 0
    assert 1 <= (span.to_ms - span.from_ms) // width_ms <= MOST_BUCKETS + 2
    if wanted == "all":
        assert span.from_ms <= extent.first_ms
        assert span.to_ms >= extent.latest_ms
    else:
        end_ms = now_ms if span.live else extent.latest_ms
        assert span.from_ms <= end_ms - RANGE_MS[wanted]
        assert end_ms <= span.to_ms < end_ms + width_ms


@given(st.sampled_from([*RANGE_MS]), moments, st.integers(60_000, YEAR_MS), moments)
def test_the_newest_data_is_always_in_it(wanted, first_ms, length_ms, now_ms):
    extent = Extent(first_ms, first_ms + length_ms)
    span = span_of(wanted, extent, now_ms=now_ms, base=60)
    newest_ms = extent.latest_ms - 1
    assert span.from_ms <= newest_ms
    assert newest_ms < span.to_ms or newest_ms >= now_ms  # what claims to come from the future may lie beyond now


def test_an_old_replay_ends_at_its_own_end_and_fresh_data_now():
    hour = RANGE_MS["1h"]
    assert not span_of("1h", Extent(0, hour), now_ms=3 * hour, base=60).live
    assert span_of("1h", Extent(0, hour), now_ms=hour + 1, base=60).live


def test_the_same_question_has_the_same_answer_until_a_bucket_is_over():
    extent = Extent(0, RANGE_MS["6h"])
    spans = {span_of("6h", extent, now_ms=RANGE_MS["6h"] + at, base=60) for at in range(1, 299_000, 7_000)}
    assert len(spans) == 1


@given(st.integers(1, 40 * YEAR_MS), st.sampled_from([1, 30, 45, 60, 90, 300, 3_600, 7_000]))
def test_widths_are_whole_windows(length_ms, base):
    width = width_for(length_ms, base=base)
    assert width % base == 0
    assert length_ms / (width * 1_000) <= MOST_BUCKETS


def test_buckets_are_made_of_the_widest_windows_that_fit():
    assert source_for(600, (60, 3_600)) == 60
    assert source_for(7_200, (60, 3_600)) == 3_600
    assert source_for(61, (60, 3_600)) is None
