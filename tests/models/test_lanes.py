"""Lanes share the workers by weight, keep their order, and none starves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lanes import WEIGHTS, Lanes

names = st.sampled_from([*WEIGHTS, "news", "logs"])
asked = st.lists(st.tuples(names, st.integers(1, 1_000)), max_size=60)


def filled(things: list[tuple[str, int]]) -> Lanes[tuple[str, int]]:
    lanes: Lanes[tuple[str, int]] = Lanes()
    for number, (lane, cost) in enumerate(things):
        lanes.push(lane, (lane, number), cost=cost)
    return lanes


@given(asked)
def test_all_come_out_each_lane_in_order(things: list[tuple[str, int]]) -> None:
    lanes = filled(things)
    out = [lanes.pop() for _ in range(len(lanes))]
    assert sorted(number for _, number in out) == list(range(len(things)))
    for lane in {lane for lane, _ in things}:
        mine = [number for name, number in out if name == lane]
        assert mine == sorted(mine)
    with pytest.raises(IndexError):
        lanes.pop()


@given(st.sets(names, min_size=2, max_size=4), st.integers(1, 200), st.integers(8, 64))
def test_lanes_that_wait_get_work_by_their_weight(chosen: set[str], cost: int, rounds: int) -> None:
    lanes = filled([(lane, cost) for lane in sorted(chosen) for _ in range(rounds)])
    given_to = dict.fromkeys(chosen, 0)
    while all(given_to[lane] < rounds for lane in chosen):  # for as long as all of them have something to do
        given_to[lanes.pop()[0]] += 1
    weights = {lane: WEIGHTS.get(lane, 4) for lane in chosen}
    shares = {lane: given_to[lane] / weights[lane] for lane in chosen}
    assert max(shares.values()) - min(shares.values()) <= 1 + 1 / min(weights.values())


@given(asked, st.integers(1, 1_000))
def test_a_lane_gets_no_credit_for_having_been_idle(before: list[tuple[str, int]], cost: int) -> None:
    lanes = filled([("news", 500)] * 40 + before)
    for _ in range(len(lanes) - 20):
        lanes.pop()
    left = len(lanes)
    for number in range(40):
        lanes.push("late", ("late", number), cost=500)
    first = [lanes.pop()[0] for _ in range(min(left, 6))]
    assert first.count("late") <= 4


def test_a_short_question_does_not_stand_behind_a_long_one() -> None:
    lanes = filled([("news", 3_000)] * 10 + [("logs", 100)])
    assert "logs" in [lanes.pop()[0] for _ in range(2)]
