"""One run of a part: the leash, and the process on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from infra.embedded import leash

if TYPE_CHECKING:
    from infra.embedded.part import Part

SIGNALLED = 128  # an exit code above it: the signal that ended the process
_LEASH = str(Path(leash.__file__).resolve())
_SLACK_S = 3.0  # the leash ends by itself after the part's grace; longer than this on top and it hangs


class Process:
    """A started process; `pid` is the command's own, not the leash's."""

    def __init__(self, part: Part, started: asyncio.subprocess.Process, pid: int | None) -> None:
        self._part, self._leash = part, started
        self.pid = pid

    @classmethod
    async def start(cls, part: Part, log: Path, *, hold: tuple[int, ...] = ()) -> Self:
        """Start it; `hold` are file descriptors that stay open as long as anything of it lives."""
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _LEASH, part.name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **part.env},
            cwd=part.folder,
            pass_fds=hold,
            start_new_session=True,
        )
        wanted = {"log": str(log), "grace_s": part.grace_s, "argv": part.argv}
        return cls(part, started, await _tell(started, wanted))

    async def wait(self) -> int:
        """The exit code, once it has ended with everything in its group."""
        return await self._leash.wait()

    async def end(self) -> None:
        """SIGTERM, the part's grace, SIGKILL; returns when nothing is left."""
        with contextlib.suppress(ProcessLookupError):
            self._leash.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._leash.wait(), self._part.grace_s + _SLACK_S)
        except TimeoutError:
            self.kill(signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                self._leash.kill()
            await self._leash.wait()

    def kill(self, number: int) -> None:
        """Send a signal to the command itself."""
        if self.pid is not None and self._leash.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


async def _tell(started: asyncio.subprocess.Process, wanted: dict[str, Any]) -> int | None:
    """Say what to run; returns the process id of what came of it, if anything did."""
    if started.stdin is None or started.stdout is None:
        raise AssertionError
    with contextlib.suppress(ConnectionError):
        started.stdin.write(msgspec.json.encode(wanted) + b"\n")
        await started.stdin.drain()
    line = await started.stdout.readline()
    return int(line) if line.strip() else None


def describe(code: int) -> str:
    """An exit code in words."""
    if code == leash.CANNOT_START:
        return "cannot be started"
    if code > SIGNALLED:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(code - SIGNALLED).name}"
    return f"ended with code {code}"
