"""What the fuzzer makes, what it expects, and that its account finds every way to be wrong.

The run on the real broker, worker and store is `pulsewire bench fuzz`; docs/reliability.md has its table.
"""

from collections import Counter
from itertools import islice

import pytest

from streams.core.decode import Decoder
from streams.core.entities import WatchList
from streams.core.event import Record, Rejected
from tests.chaos.fuzzing import COUNTED, Account, Ledger, Unaccounted, Ways, check_windows, digest
from tests.chaos.mutations import START_MS, TOPICS, Input, inputs
from tests.chaos.oracle import ANY, CODES, MAX_BYTES, STORED, allowed

EVENTS = 4_000


def expected(one: Input):
    return {one.sure} if one.sure else allowed(one.kind, key=one.key, value=one.value, headers=one.headers)


def test_the_decoder_says_what_the_oracle_expects():
    decoder, wrong, told = Decoder(max_bytes=MAX_BYTES, watch=WatchList([])), [], Counter()
    for offset, one in enumerate(inputs(11, EVENTS)):
        found = decoder.decode(Record(TOPICS[one.kind], 0, offset, START_MS + 10**9, one.key, one.value, one.headers))
        outcome = found.code if isinstance(found, Rejected) else STORED
        told[outcome] += 1
        if outcome not in expected(one):
            wrong.append((offset, one.made, outcome, expected(one), (one.value or b"")[:200]))
    assert not wrong
    assert set(told) >= {STORED, *CODES} - {"too_large"}, "too few ways to be wrong"


def test_most_outcomes_are_expected_exactly():
    sets = [expected(one) for one in inputs(12, 1_000)]
    assert sum(len(one) == 1 for one in sets) > 700
    assert sum(one == ANY for one in sets) < 80


def test_a_seed_is_a_stream_of_bytes():
    first = list(islice(inputs(5, 1_000), 200))
    assert first == list(inputs(5, 200)) != list(inputs(6, 200))


@pytest.mark.parametrize(
    ("kind", "value", "outcomes"),
    [
        ("logs", None, {"tombstone"}),
        ("logs", b" \n", {"not_json"}),
        ("logs", b'{"service": "s"', {"not_json"}),
        ("logs", b'{"service": "s", "message": "m", "ts": 1}', {STORED}),
        ("logs", b'{"service": "s", "message": "m", "ts": "2025-06-15T12:00:00+08:00"}', {STORED}),
        ("logs", b'{"service": "s", "message": "m", "ts": 1, "x": "\\ud800"}', {"bad_unicode"}),
        ("logs", b'{"service": "s", "message": "m", "ts": 1, "x": NaN}', {"wrong_type", "bad_unicode"}),
        ("logs", b'{"service": "s", "message": "m"}', {"missing_field"}),
        ("logs", b'{"service": "s", "message": " ", "ts": 1}', {"empty_text"}),
        ("logs", b'{"service": "s", "message": "m", "ts": "2025-02-30T00:00:00Z"}', {"bad_timestamp"}),
        ("logs", b'{"service": "s", "message": "m", "ts": true}', {"wrong_type"}),
        ("user", b'{"user_id": "u", "action": "a", "ts": 1, "value": "1"}', {"wrong_type"}),
        ("news", b'{"source": "s", "title": "t", "ts": 1, "entities": ["a", 1]}', {"wrong_type"}),
        ("news", b"[" * 65 + b"]" * 65, {"too_deep"}),
        ("news", b'"' + b"x" * MAX_BYTES + b'"', {"too_large"}),
        ("news", b'{"source": "\xff"}', {"bad_unicode", "not_json", "wrong_type"}),
    ],
)
def test_what_is_expected(kind, value, outcomes):
    assert allowed(kind, key=None, value=value, headers=()) == outcomes


def account():
    """Three records: to be stored, to be a dead letter, to be either."""
    ways = Ways()
    sets = [frozenset({STORED}), frozenset({"not_json"}), frozenset({STORED, "not_json"})]
    one = Account()
    one.sent(0, [ways.number(outcomes) for outcomes in sets], [10, 11, 12])
    one.stored(0)
    one.dead(1, code="not_json", digest=11)
    return one, ways


def wrong(change):
    one, ways = account()
    change(one)
    return [what for _, what in one.verdict(ways)]


def test_all_accounted_for():
    assert wrong(lambda one: one.stored(2)) == []
    assert wrong(lambda one: one.dead(2, code="not_json", digest=12)) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda one: None, "lost, expected not_json or stored"),
        (lambda one: [one.stored(2), one.dead(2, code="not_json", digest=12)], "stored and not_json"),
        (lambda one: [one.stored(2), one.stored(2)], "stored and stored"),
        (lambda one: [one.stored(2), one.dead(1, code="not_json", digest=11)], "not_json and not_json"),
        (lambda one: one.dead(2, code="tombstone", digest=12), "tombstone, expected not_json or stored"),
        (lambda one: [one.stored(2), one.stored(3)], "stored, though nothing was sent there"),
        (lambda one: one.dead(2, code="not_json", digest=13), "key, value or headers changed"),
        (lambda one: [one.stored(2), one.dead(0, code="failed", digest=10)], "the code 'failed' is not known"),
    ],
)
def test_every_way_to_be_wrong_is_found(change, what):
    assert any(what in said for said in wrong(change))


def test_counts_add_up_by_topic():
    ledger = Ledger()
    one, ledger.ways = account()
    one.stored(2)
    ledger.accounts["news.raw", 0] = one
    assert ledger.counts()["news.raw"] == {"": 0, STORED: 2, "not_json": 1} | dict.fromkeys(
        set(CODES) - {"not_json"}, 0
    )
    assert (ledger.events, ledger.verdict()) == (3, [])
    assert ledger.exact == pytest.approx(2 / 3)


COUNTS = [("news.raw", 60, 2), ("news.raw", 3600, 2)]


def windows_that_count(rows):
    """Two records of three are stored."""
    ledger = Ledger()
    ledger.accounts["news.raw", 0], ledger.ways = account()
    ledger.accounts["news.raw", 0].stored(2)
    check_windows(ledger, {COUNTED: rows}.__getitem__)


def test_windows_that_count_what_is_stored():
    windows_that_count(COUNTS)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        COUNTS[:1],
        [COUNTS[0], ("news.raw", 3600, 3)],
        [COUNTS[0], ("news.raw", 3600, 1)],
        [*COUNTS, ("logs.raw", 60, 1)],
        [*COUNTS, ("news.raw", 61, 2)],
    ],
    ids=["none", "one size", "too many", "too few", "another topic", "another size"],
)
def test_windows_that_do_not(rows):
    with pytest.raises(Unaccounted, match="windows of"):
        windows_that_count(rows)


def test_a_digest_tells_what_must_not_change():
    whole = digest(b"k", b"v", [("a", b"1")])
    assert whole == digest(b"k", b"v", [("a", b"1"), ("pw-error", b"not_json")])
    others = [(None, b"v", ()), (b"", b"v", ()), (b"k", None, ()), (b"k", b"", ()), (b"k", b"v", [("a", b"2")])]
    assert len({whole, *(digest(*one) for one in others)}) == 6
