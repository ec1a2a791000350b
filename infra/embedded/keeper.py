"""Keep one part alive: start, wait until it is ready, start again when it ends.

1. One task owns the process from its start to its end; others only set `_stop` and await the task. So nothing is
   started after a stop, and no process is left without an owner.
2. A part that ends before it was ever ready fails the start (the caller gets `StackError`); later endings are
   answered with a restart, each said in one line.
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

from infra.embedded.errors import StackError
from infra.embedded.log_tail import reason_in, size_of
from infra.embedded.process import SIGNALLED, Process, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from infra.embedded.part import Part

_PROBE_EVERY_S = 0.1
_PROBE_WITHIN_S = 3.0


class Keeper:
    """The life of one part, over as many processes as it takes."""

    def __init__(self, part: Part, log: Path, *, say: Callable[[str], None], hold: tuple[int, ...] = ()) -> None:
        self.part, self.log = part, log
        self._say, self._hold = say, hold
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._log_start = 0
        self.restarts = 0
        self.ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The running command's process id."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Returns when the part is ready; raises `StackError` if it does not come to that."""
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._live(first), name=f"keep {self.part.name}")
        try:
            await first
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it and keep it down."""
        self._stop.set()
        if self._task:
            await self._task

    def kill(self, number: int) -> None:
        """Send a signal to the process, as a fault would; the restart policy answers."""
        if number == signal.SIGKILL:
            self.ready.clear()  # it is as good as gone, though nobody has noticed yet
        if self._process:
            self._process.kill(number)

    async def _live(self, first: asyncio.Future[None]) -> None:
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            code, trouble = await self._run_once(first)
            if self._stop.is_set():
                break
            if not first.done():
                first.set_exception(StackError(f"{self.part.name} did not start: {trouble}"))
                return
            if self.part.restart is None or code in self.part.restart.never_after:
                self._say(f"{self.part.name} {trouble}")
                return
            failures = 1 if time.monotonic() - began > self.part.restart.settled_s else failures + 1
            delay_s = self.part.restart.delay_s(failures)
            self._say(f"{self.part.name} {trouble}; starting it again in {delay_s:.1f} s")
            await self._unless_stopped(asyncio.sleep(delay_s))
            self.restarts += 1
        if not first.done():
            first.set_exception(StackError(f"{self.part.name} was stopped before it was ready"))

    async def _run_once(self, first: asyncio.Future[None]) -> tuple[int, str]:
        """One process from start to end; its exit code, and why it ended."""
        self._log_start = size_of(self.log)
        self._process = process = await Process.start(self.part, self.log, hold=self._hold)
        try:
            trouble = await self._until_ready(process)
            if trouble is None:
                self._tell_ready(first)
                await self._unless_stopped(process.wait())
        finally:
            self.ready.clear()
            await process.end()
            self._process = None
        code = await process.wait()
        return code, trouble or self._explain(code)

    async def _until_ready(self, process: Process) -> str | None:
        """None once ready (or stopped), otherwise what went wrong."""
        ended = asyncio.ensure_future(process.wait())
        deadline = time.monotonic() + self.part.ready_within_s
        try:
            while not self._stop.is_set():
                if ended.done():
                    return self._explain(ended.result())
                if await self._probe():
                    return None
                if time.monotonic() > deadline:
                    return (
                        f"not ready within {self.part.ready_within_s:.0f} s{reason_in(self.log, since=self._log_start)}"
                    )
                await asyncio.wait([ended], timeout=_PROBE_EVERY_S)
        finally:
            ended.cancel()
        return None

    def _explain(self, code: int) -> str:
        """An exit code, and the reason; who was ended by a signal did not say why."""
        return f"{describe(code)}{reason_in(self.log, since=self._log_start, guess=code <= SIGNALLED)}"

    async def _probe(self) -> bool:
        try:
            return await asyncio.wait_for(self.part.ready(), _PROBE_WITHIN_S)
        except TimeoutError:
            return False

    def _tell_ready(self, first: asyncio.Future[None]) -> None:
        self.ready.set()
        if not first.done():
            first.set_result(None)
        elif not first.cancelled():  # else nobody waits for it any more: it is about to be stopped
            self._say(f"{self.part.name} is back")

    async def _unless_stopped(self, waiting: Coroutine[Any, Any, Any]) -> None:
        """Wait for it, or until the part is to stop."""
        tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._stop.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
