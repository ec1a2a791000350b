"""What holds of alerts whatever the numbers are, and in whatever order rows come."""

import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.codec import from_rfc3339
from streams.core.detect import Detector, fingerprints
from streams.core.rules import Limits
from streams.core.series import Series, merge
from streams.core.timeline import Timeline
from streams.topology import RAW
from tests.core.feed import (
    APPLE,
    CHECKOUT,
    DETECTION,
    MINUTE_MS,
    PARTITIONS,
    PAYMENTS,
    Told,
    counts,
    detect,
    messages,
    minute,
    row,
    shares,
    tick,
    ticks,
)

LIMITS = Limits(history=20, cooldown_ms=6 * MINUTE_MS)
SMALL = msgspec.structs.replace(DETECTION, limits=LIMITS)


def windows(*, least=10, most=60):
    """A series that is mostly itself, now and then far off."""
    usual = st.integers(15, 30)
    events = st.one_of(usual, usual, usual, usual, st.sampled_from((0, 90, 300, 1_500)))
    one = st.builds(
        Told, events=events, errors=st.sampled_from((0, 0, 0, 1, 14)), sentiment=st.sampled_from((0.2, -0.9))
    )
    return st.lists(one, min_size=least, max_size=most)


series = st.fixed_dictionaries({PAYMENTS: windows(), CHECKOUT: windows(), APPLE: windows()})


@given(series)
@settings(max_examples=60, deadline=None)
def test_one_incident_at_a_time_and_none_in_the_cool_down(numbers):
    by_name = {}
    for alert in detect(numbers, detector=Detector(SMALL)):
        by_name.setdefault(alert.fingerprint, []).append(alert)
    for alerts in by_name.values():
        for before, after in pairwise(alerts):
            if after.revision == 1:
                assert before.status == "resolved"
                assert from_rfc3339(after.startsAt) >= from_rfc3339(before.endsAt) + LIMITS.cooldown_ms
            else:
                assert (after.revision, after.startsAt) == (before.revision + 1, before.startsAt)
                assert before.status == "firing"
        assert alerts[0].revision == 1
        assert len({alert.id for alert in alerts}) == len(alerts)


@given(
    st.sampled_from((PAYMENTS, CHECKOUT, APPLE)), st.integers(0, 5_000), st.sampled_from((-1.0, 0.0, 1.0)), st.data()
)
@settings(max_examples=40, deadline=None)
def test_a_constant_series_never_alerts(of, events, sentiment, data):
    errors = data.draw(st.integers(0, events))
    assert detect({of: [Told(events, errors, sentiment)] * 50}, detector=Detector(SMALL)) == []


def by_partition(numbers, *, delays):
    """Each partition's messages; a row comes on time or a minute late, which the lateness allows."""
    for partition in range(PARTITIONS):
        late = []
        slots = []
        for number, told in enumerate(numbers):
            share = list(shares(told))[partition]
            now, late = late, []
            if share.events:
                whole = row(PAYMENTS, number, partition=partition, told=share)
                (late if delays.random() < 0.3 else now).append(whole)
                if share.events > 1 and delays.random() < 0.3:  # and before it, a part of it
                    part = Told(share.events // 2, share.errors // 2, share.sentiment)
                    now.append(row(PAYMENTS, number, partition=partition, told=part, last_offset=whole.last_offset - 5))
            delays.shuffle(now)
            slots += [*now, tick("logs", number + 1, partition=partition)]
        yield [*slots, *late, tick("logs", len(numbers) + 1, partition=partition)]


def interleaved(sequences, *, dice):
    """All of them, each in its own order."""
    left = [list(reversed(sequence)) for sequence in sequences]
    while left := [sequence for sequence in left if sequence]:
        yield dice.choice(left).pop()


@given(windows(), st.randoms(use_true_random=False), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_the_order_within_the_lateness_and_the_batches_do_not_matter(numbers, dice, batch):
    expected = detect({PAYMENTS: numbers}, detector=Detector(SMALL))
    rows = list(interleaved(by_partition(numbers, delays=dice), dice=dice))
    detector, found = Detector(SMALL), []
    for first in range(0, len(rows), batch):
        detector.take(rows[first : first + batch])
        found += detector.judge()
    found += detector.judge()
    assert sorted(found, key=lambda a: a.id) == sorted(expected, key=lambda a: a.id)


@given(series, st.data())
@settings(max_examples=60, deadline=None)
def test_who_takes_up_goes_on_as_the_one_before(numbers, data):
    batches = messages(numbers)
    cut = data.draw(st.integers(1, len(batches)))
    end = ticks({one.kind for one in numbers}, len(batches) + 1)
    first, early = Detector(SMALL), []
    for batch in batches[:cut]:
        first.take(batch)
        early += first.judge()
    stored = [one for batch in batches[:cut] for one in batch]
    second = taken_up(numbers, stored=stored, told=early, begin=batches[cut - 1])
    for batch in [*batches[cut:], end]:
        for detector in (first, second):
            detector.take(batch)
        assert second.judge() == first.judge()


@given(series, st.data())
@settings(max_examples=60, deadline=None)
def test_a_replay_says_nothing_that_was_said(numbers, data):
    """From any earlier point, with a store that holds everything."""
    batches = [*messages(numbers), ticks({one.kind for one in numbers}, max(map(len, numbers.values())) + 1)]
    everything = [one for batch in batches for one in batch]
    said = detect(numbers, detector=Detector(SMALL))
    start = data.draw(st.integers(0, len(batches) - 1))
    again = taken_up(numbers, stored=everything, told=said, begin=batches[start])
    for batch in batches[start:]:
        again.take(batch)
        repeated = again.judge()
        assert [alert.id for alert in repeated] == []


def taken_up(numbers, *, stored, told, begin):
    """A detector that starts from a store."""
    detector = Detector(SMALL)
    latest = {alert.fingerprint: alert for alert in told}
    for one in numbers:
        mine = [made for made in begin if made.kind == one.kind]
        first_ms = detector.judges_from(min(row.watermark_ms for row in mine))
        rows = [made for made in stored if Series.of(made) == one]
        alerts = [latest[name] for name in fingerprints(one) if name in latest]
        detector.adopt(one, rows=rows, alerts=alerts, first_ms=first_ms)
        detector.begin(one.kind, first_ms)
    return detector


rows = st.builds(
    lambda partition, told, offset: row(PAYMENTS, 0, partition=partition, told=Told(told), last_offset=offset),
    st.integers(0, 3), st.integers(1, 50), st.integers(0, 100),
)  # fmt: skip


@given(st.lists(rows, max_size=12, unique_by=lambda made: (made.partition, made.last_offset)), st.randoms())
def test_merging_does_not_depend_on_order_or_repetition(made, dice):
    one, other = Timeline(60), Timeline(60)
    for each in made:
        one.take(each)
    twice = [*made, *made]
    dice.shuffle(twice)
    for each in twice:
        other.take(each)
    assert one.at(minute(0)) == other.at(minute(0))
    newest = {each.partition: each for each in sorted(made, key=lambda each: each.last_offset)}
    assert one.at(minute(0)).events == sum(each.events for each in newest.values())
    assert one.at(minute(0)) == merge(newest.values(), start_ms=minute(0), seconds=60)


def poisson(mean, dice):
    """How many of a minute's arrivals there are, by their gaps."""
    arrived, moment = 0, dice.expovariate(mean)
    while moment < 1:
        arrived, moment = arrived + 1, moment + dice.expovariate(mean)
    return arrived


@pytest.mark.parametrize("of", [PAYMENTS, CHECKOUT])
@pytest.mark.parametrize("mean", [0.3, 2, 20, 60])
def test_a_day_of_noise_is_quiet(of, mean):
    dice = random.Random(f"{of}{mean}")
    day = [Told(n := poisson(mean, dice), sum(dice.random() < 0.05 for _ in range(n))) for _ in range(1_440)]
    assert detect({of: day}) == []


def test_a_day_of_wandering_news_is_nearly_quiet():
    """Each event good, bad or neither by chance: a mean of 0.05, many windows with a handful."""
    dice, alerts = random.Random(3), 0
    for _ in range(3):
        day = []
        for _ in range(1_440):
            n = poisson(8, dice)
            mean = sum(dice.choice((0.8, 0.1, 0.0, -0.75)) for _ in range(n)) / max(n, 1)
            day.append(Told(n, 0, mean))
        alerts += len([alert for alert in detect({APPLE: day}) if alert.revision == 1])
    assert alerts <= 3


def test_the_feed_names_the_topics():
    assert {made.topic for batch in messages({PAYMENTS: counts(1)}) for made in batch} == {RAW["logs"]}
