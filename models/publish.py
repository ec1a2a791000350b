"""Putting a bundle into its place: made whole beside it, then moved there, so that no reader finds half of one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import ExportError


@contextmanager
def published(target: Path, *, replace: bool) -> Iterator[Path]:
    """A new folder beside `target` that becomes `target` if the block ends well, and vanishes if it does not.

    Raises:
        ExportError: the target exists, or cannot be written.
    """
    if target.exists() and not replace:
        msg = f"{target} exists: pass --replace, or name another folder with --to"
        raise ExportError(msg)
    part = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        part.mkdir(parents=True)
        yield part
        _swap(part, target)
    except OSError as error:
        msg = f"{target} cannot be written ({error.strerror or error}): make room there, or name another folder"
        raise ExportError(msg) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _swap(part: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}-old-{os.getpid()}")
    if target.exists():
        target.rename(old)
    part.rename(target)
    shutil.rmtree(old, ignore_errors=True)
