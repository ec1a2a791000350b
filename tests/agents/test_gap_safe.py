"""Faust's issue 606: a commit must never pass an offset that is in flight."""

from collections import defaultdict

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st
from intervaltree import IntervalTree

from streams.adapters.faust_app import GapSafeConsumer, new_app
from streams.settings import load_settings

AT = TP("news.raw", 0)


class Message:
    def __init__(self, offset):
        self.tp, self.offset = AT, offset


def consumer(*, committed, acked, unacked=(), gaps=()):
    one = GapSafeConsumer.__new__(GapSafeConsumer)
    one._acked = defaultdict(list, {AT: list(acked)})
    one._acked_index = defaultdict(set, {AT: set(acked)})
    one._gap = defaultdict(IntervalTree)
    for begin, end in gaps:
        one._gap[AT].addi(begin, end)
    one._committed_offset = defaultdict(lambda: None, {AT: committed})
    one._unacked_messages = {Message(offset) for offset in unacked}
    return one


def test_the_fault_that_faust_has():
    assert consumer(committed=2585, acked=[2586, 2587, 2588, 2589], unacked=[2585])._new_offset(AT) is None


def test_what_is_without_a_hole_is_committed():
    assert consumer(committed=2585, acked=[2585, 2586, 2588], unacked=[2587])._new_offset(AT) == 2587


def test_offsets_that_kafka_skipped_are_no_hole():
    assert consumer(committed=10, acked=[12, 13], gaps=[(10, 12)])._new_offset(AT) == 14


@pytest.mark.parametrize(("unacked", "offset"), [([0], None), ([], 3), ([5], 3)])
def test_without_a_commit_what_is_in_flight_decides(unacked, offset):
    assert consumer(committed=None, acked=[1, 2], unacked=unacked)._new_offset(AT) == offset


@given(st.integers(0, 50), st.sets(st.integers(0, 60)))
def test_never_past_an_offset_that_is_not_acknowledged(committed, acked):
    acked = {offset for offset in acked if offset >= committed}
    offset = consumer(committed=committed, acked=sorted(acked))._new_offset(AT)
    if offset is not None:
        assert set(range(committed, offset)) <= acked


def test_the_app_uses_it():
    app = new_app(load_settings(kafka="127.0.0.1:1"))
    assert app.transport.Consumer is GapSafeConsumer
