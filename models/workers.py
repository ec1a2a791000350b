"""Threads that each hold a tool of their own and pull what is to be done next from one queue.

1. A worker that is free takes what waits at once: nothing is held back to fill a batch.
2. Who asks waits for the answers, so that the queue never holds more than one question for each who asks.
3. What nobody waits for any more, because its time was over, is not begun: it leaves the queue and costs its lane
   nothing.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from models.errors import Overdue
from models.lanes import Lanes

A = TypeVar("A")
Tool = Callable[[list[str]], A]


class Workers(Generic[A]):
    """One thread for each tool."""

    def __init__(self, tools: Sequence[Tool[A]]) -> None:
        self._lanes: Lanes[tuple[Future[A], list[str]]] = Lanes()
        self._changed = threading.Condition()
        self._closed = False
        names = [f"classify_{number}" for number in range(len(tools))]
        self._threads = [
            threading.Thread(target=self._work, args=(tool,), name=name)
            for tool, name in zip(tools, names, strict=True)
        ]
        for thread in self._threads:
            thread.daemon = True  # who forgets to close us is not kept from ending
            thread.start()

    def run(self, pieces: Sequence[list[str]], *, lane: str, within_s: float | None = None) -> list[A]:
        """The answers to the pieces, in order.

        Raises:
            Overdue: they did not come within this time.
        """
        futures: list[Future[A]] = [Future() for _ in pieces]
        with self._changed:
            if self._closed:
                raise RuntimeError("the classifier is closed")
            for future, texts in zip(futures, pieces, strict=True):
                self._lanes.push(lane, (future, texts), cost=sum(map(len, texts)) + 1)
            self._changed.notify(len(futures))
        try:
            late = wait(futures, timeout=within_s).not_done
            if late:
                raise Overdue(f"not read within {within_s} s: {len(late)} of {len(futures)} pieces are missing")
            return [future.result() for future in futures]
        finally:
            self._leave(lane, futures)

    def close(self) -> None:
        """End the threads, once what they have begun is done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _leave(self, lane: str, futures: Sequence[Future[A]]) -> None:
        with self._changed:
            given_up = [future for future in futures if future.cancel()]  # those that are not begun
            if given_up:
                self._lanes.drop(lane, lambda waits: waits[0].cancelled())

    def _work(self, tool: Tool[A]) -> None:
        while (taken := self._next()) is not None:
            future, texts = taken
            try:
                future.set_result(tool(texts))
            except BaseException as error:  # noqa: BLE001 - it is for who asked
                future.set_exception(error)

    def _next(self) -> tuple[Future[A], list[str]] | None:
        with self._changed:
            while not len(self._lanes):
                if self._closed:
                    return None
                self._changed.wait()
            future, texts = self._lanes.pop()
            future.set_running_or_notify_cancel()  # before the lock is left: what was charged is not cancelled
            return future, texts
