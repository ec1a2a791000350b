"""How many tokens a device is given at once is read off the times that it took."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.budget import BUDGETS, ENOUGH, WITHIN_S, chosen, learnt


class Device:
    """Takes `each` seconds for a run and `pace` for a token; has memory for `room` tokens."""

    def __init__(self, *, each: float, pace: float, room: int = 1 << 30) -> None:
        self.now = 0.0
        self.tried: list[int] = []
        self._each, self._pace, self._room = each, pace, room

    def run(self, tokens: int) -> None:
        self.tried.append(tokens)
        if tokens > self._room:
            raise RuntimeError("out of memory")
        self.now += self._each + self._pace * tokens

    def clock(self) -> float:
        return self.now


def test_a_device_that_is_slow_to_begin_gets_many_tokens() -> None:
    device = Device(each=0.002, pace=1e-6)  # 16,384 tokens: .0184 s, 89% of what cannot be passed
    assert learnt(device.run, clock=device.clock) == 16_384


def test_a_device_that_gains_nothing_by_many_gets_few() -> None:
    device = Device(each=0.0, pace=1e-4)
    assert learnt(device.run, clock=device.clock) == BUDGETS[0]
    assert max(device.tried) == 512  # .0512 s: too long, so nothing greater was tried


def test_a_device_that_is_too_slow_for_the_least_gets_it_all_the_same() -> None:
    device = Device(each=1.0, pace=1e-4)
    assert learnt(device.run, clock=device.clock) == BUDGETS[0]


def test_what_the_device_has_no_memory_for_is_not_asked_again() -> None:
    device = Device(each=0.01, pace=1e-7, room=5_000)
    assert learnt(device.run, clock=device.clock) == 4_096
    assert device.tried[-1] == 8_192


def test_a_device_that_cannot_run_at_all_says_why() -> None:
    device = Device(each=0.01, pace=1e-7, room=0)
    with pytest.raises(RuntimeError, match="out of memory"):
        learnt(device.run, clock=device.clock)


@given(st.lists(st.floats(1e-5, 1.0), min_size=1, max_size=len(BUDGETS)))
def test_no_allowed_budget_is_much_better_than_the_chosen_one(seconds: list[float]) -> None:
    took = dict(zip(BUDGETS, seconds, strict=False))
    found = chosen(took)
    for tokens, one in took.items():
        if one <= WITHIN_S:
            assert took[found] <= WITHIN_S
            assert found / took[found] >= ENOUGH * tokens / one * (1 - 1e-9)
