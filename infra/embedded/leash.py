"""Run one command on a leash: `python leash.py NAME`. Standard library only; started without `site`.

1. The first line on standard input says what to run, as JSON (`log`, `grace_s`, `argv`), so that no list of processes
   shows a leash as the command it holds.
2. The leash's standard input is held open by whoever started it. When that one ends, for whatever reason (SIGKILL
   included), the pipe ends too, and the leash brings down the command's whole process group: SIGTERM, then SIGKILL.
3. The command gets a session of its own: a Ctrl-C in the terminal reaches the starter alone, who decides on the order.
4. Should the leash itself be killed, Linux kills the command (PR_SET_PDEATHSIG, which is tied to the *thread* that
   forked: the leash forks from its only one). Elsewhere nothing can be done about that.
5. The first line on standard output is the command's process id. What the command prints goes to the log, which is
   rotated once it is large; the leash's exit code is the command's, or 128 + the signal that ended it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

LOG_LIMIT_BYTES = 8_000_000
CANNOT_START = 127
ORPHAN_GRACE_S = 3.0  # nobody waits for us any more: be quick
_PR_SET_PDEATHSIG = 1
_POLL_S = 0.25


class Log:
    """An append-only file with one older generation, `<name>.1`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()

    def write(self, data: bytes) -> None:
        """Append; a full disk must not end the command, so what cannot be written is dropped."""
        with contextlib.suppress(OSError):
            if self._size > LOG_LIMIT_BYTES:
                self._file.close()
                self._path.replace(f"{self._path}.1")
                self._open()
            self._file.write(data)
            self._size += len(data)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _open(self) -> None:
        self._file = self._path.open("ab", buffering=0)
        self._size = self._file.tell()


class Leash:
    """The command's process group, and when it has to be gone."""

    def __init__(self, group: int) -> None:
        self._group = group
        self._kill_at: float | None = None

    def let_go(self, grace_s: float) -> None:
        """Ask the group to end; a second call may only shorten the grace."""
        kill_at = time.monotonic() + grace_s
        if self._kill_at is None:
            self._signal(signal.SIGTERM)
        self._kill_at = kill_at if self._kill_at is None else min(kill_at, self._kill_at)

    def kill_if_due(self) -> None:
        """End by force what did not end within the grace."""
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._signal(signal.SIGKILL)

    def sweep(self) -> None:
        """Whatever the command left behind in its group ends with it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, number)


def _die_with_me() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _start(argv: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with_me,  # noqa: PLW1509  # one thread: nothing can hold a lock across the fork
    )


def _watch(leash: Leash, command: subprocess.Popen[bytes], log: Log) -> int:
    """Pump the output and mind the pipe until the command has ended; return its exit code."""
    ours, theirs = sys.stdin.fileno(), _output(command)
    with selectors.DefaultSelector() as selector:
        for fd in (ours, theirs):
            selector.register(fd, selectors.EVENT_READ)
        while (code := command.poll()) is None:
            for key, _ in selector.select(_POLL_S):
                data = os.read(key.fd, 65536)
                if key.fd == theirs:
                    log.write(data)
                if not data:
                    selector.unregister(key.fd)
                    if key.fd == ours:
                        leash.let_go(ORPHAN_GRACE_S)
            leash.kill_if_due()
    return code


def _drain(command: subprocess.Popen[bytes], log: Log) -> None:
    """The last words, which often say why; not waiting for the end, since somebody else may hold the pipe."""
    os.set_blocking(_output(command), False)
    with contextlib.suppress(BlockingIOError):
        while data := os.read(_output(command), 65536):
            log.write(data)


def _output(command: subprocess.Popen[bytes]) -> int:
    if command.stdout is None:
        raise AssertionError
    return command.stdout.fileno()


def main() -> int:
    """Start, report, watch, sweep."""
    wanted = json.loads(sys.stdin.buffer.readline() or b"null")
    if wanted is None:
        return CANNOT_START  # the starter was gone at once
    log, argv, grace_s = Log(Path(wanted["log"])), wanted["argv"], wanted["grace_s"]
    try:
        command = _start(argv)
    except OSError as error:
        log.write(f"cannot start {argv[0]}: {error.strerror}\n".encode())
        return CANNOT_START
    leash = Leash(command.pid)
    signal.signal(signal.SIGTERM, lambda *_: leash.let_go(grace_s))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{command.pid}\n".encode())
    code = _watch(leash, command, log)
    leash.sweep()
    _drain(command, log)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
