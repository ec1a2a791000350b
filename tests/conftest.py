"""What all tests share: the embedded stack, started once for the whole run, and only if a test asks for it."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from infra.embedded.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from infra.embedded.stack import Addresses
    from infra.embedded.supervisor import Supervisor


# Started in the background of a shell, a process ignores Ctrl-C, and so would every program that a test starts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class RunningStack:
    """A stack on an event loop and thread of its own: tests bring their own loops, one each."""

    def __init__(self, stack: Stack) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stack", daemon=True)
        self._thread.start()
        self._stack = stack
        self.call(stack.__aenter__())

    @property
    def addresses(self) -> Addresses:
        """Where the broker and the store answer."""
        return self._stack.addresses

    @property
    def supervisor(self) -> Supervisor:
        """For `pids` and `log`; what has to be awaited goes through `call`."""
        return self._stack.supervisor

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the stack's own loop: `stack.call(stack.supervisor.add(part))`."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def kill(self, name: str, number: int) -> None:
        """Send a signal to a part; its restart is the supervisor's business."""
        self._loop.call_soon_threadsafe(self._stack.supervisor.kill, name, number)

    def close(self) -> None:
        """Stop everything."""
        self.call(self._stack.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The embedded Kafka and ClickHouse, on free ports, in a folder of this run. Mark tests with `stack`."""
    said: list[str] = []
    running = RunningStack(Stack(tmp_path_factory.mktemp("stack"), say=said.append))
    yield running
    running.close()
