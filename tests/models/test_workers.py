"""Workers answer in order, whoever asks from whatever thread; what is overdue is not begun."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.errors import Overdue
from models.workers import Workers


class Held:
    """A tool that notes what it begins with, and is not done before its gate is opened."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gate, self.inside = threading.Event(), threading.Event()

    def __call__(self, texts: list[str]) -> int:
        self.begun.extend(texts)
        self.inside.set()
        self.gate.wait()
        return len(texts)


def test_answers_come_in_order_to_each_who_asks() -> None:
    workers: Workers[list[str]] = Workers([lambda texts: [text.upper() for text in texts]] * 3)
    pieces = [[[f"{who} {piece}"] for piece in range(20)] for who in range(6)]
    with ThreadPoolExecutor(6) as asking:
        answers = list(asking.map(lambda mine: workers.run(mine, lane="live"), pieces))
    assert answers == [[[text.upper() for text in piece] for piece in mine] for mine in pieces]
    workers.close()
    with pytest.raises(RuntimeError, match="closed"):
        workers.run([["a"]], lane="live")


def test_what_is_overdue_is_not_begun() -> None:
    held = Held()
    workers: Workers[int] = Workers([held])
    with ThreadPoolExecutor(1) as asking:
        first = asking.submit(workers.run, [["a"]], lane="live")
        held.inside.wait()
        with pytest.raises(Overdue, match="1 of 1"):
            workers.run([["b"]], lane="urgent", within_s=0.01)
        held.gate.set()
        assert first.result() == [1]
    assert workers.run([["c"]], lane="live", within_s=30) == [1]
    assert held.begun == ["a", "c"]
    workers.close()


def test_what_is_overdue_leaves_the_queue_and_costs_its_lane_nothing() -> None:
    held = Held()
    workers: Workers[int] = Workers([held])
    with ThreadPoolExecutor(3) as asking:
        asking.submit(workers.run, [["a"]], lane="live")
        held.inside.wait()
        for _ in range(300):
            with pytest.raises(Overdue):
                workers.run([["news " * 100]], lane="news", within_s=0)
        left = len(workers._lanes)
        for lane in ("logs", "news"):
            asking.submit(workers.run, [[lane] * 9, [lane] * 9], lane=lane)
        while len(workers._lanes) < 4:
            time.sleep(0.001)
        held.gate.set()
    assert left == 0
    assert held.begun[1:] == (["logs"] * 9 + ["news"] * 9) * 2
    workers.close()


def test_who_asked_is_told_what_went_wrong() -> None:
    def fail(_texts: list[str]) -> int:
        raise ValueError("no")

    workers: Workers[int] = Workers([fail])
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            workers.run([["a"]], lane="live")
    workers.close()
