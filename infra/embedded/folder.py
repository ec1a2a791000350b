"""One owner for a data folder.

The lock is a `flock` whose descriptor every leash inherits: it ends with the last process of a run, not with the
supervisor. After a SIGKILL of the supervisor the next start therefore waits for the rest to be gone.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from infra.embedded.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable

_NEEDED_BYTES = 300_000_000
_LEFTOVERS_S = 15.0


class Folder:
    """A data folder that this process owns until `close`."""

    def __init__(self, path: Path, lock_fd: int) -> None:
        self.path, self.lock_fd = path, lock_fd

    @classmethod
    async def own(cls, path: Path, *, say: Callable[[str], None]) -> Folder:
        """Lock the folder, made if need be; raises `StackError` if it is in use, full or not writable."""
        fd = _open(path)
        try:
            await _lock(fd, path, say)
            _require_space(path)
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
        except OSError as error:
            os.close(fd)
            raise StackError(_explain(error, path)) from error
        except BaseException:
            os.close(fd)
            raise
        return cls(_absolute(path), fd)

    def close(self) -> None:
        """Let others have it."""
        os.close(self.lock_fd)


def _absolute(path: Path) -> Path:
    return path.resolve()


def _open(path: Path) -> int:
    try:
        path.mkdir(parents=True, exist_ok=True)
        return os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(_explain(error, path)) from error


async def _lock(fd: int, path: Path, say: Callable[[str], None]) -> None:
    waited_s = 0.0
    while not _try_lock(fd):
        owner = os.pread(fd, 20, 0).decode()
        if waited_s > _LEFTOVERS_S or _lives(owner):
            raise StackError(
                f"{path} is in use by another Pulsewire (process {owner or '?'}): stop it, or name another folder"
            )
        if waited_s == 0:
            say(f"waiting for what is left of the last run in {path}")
        await asyncio.sleep(0.2)
        waited_s += 0.2


def _lives(owner: str) -> bool:
    try:
        return psutil.Process(int(owner)).status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.NoSuchProcess):
        return False


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _require_space(path: Path) -> None:
    free = shutil.disk_usage(path).free
    if free < _NEEDED_BYTES:
        raise StackError(
            f"the disk is full: {free // 1_000_000} MB free at {path}, {_NEEDED_BYTES // 1_000_000} MB needed"
        )


def _explain(error: OSError, path: Path) -> str:
    if error.errno == errno.ENOSPC:
        return f"the disk is full: nothing can be written to {path}"
    return f"cannot use {path} as the data folder: {error.strerror}"
