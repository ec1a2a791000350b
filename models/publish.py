"""Putting a bundle into its place: made whole beside it, then moved there, so that no reader finds half of one.

1. What goes for the new one is a bundle and nothing else: a folder with any other file in it is not replaced.
2. Until the new one is there, the old one can be had back, and is.
3. Between the two there is none for a moment, as no call that all systems have swaps two folders: `manifest.read` looks
   twice, and the runtime asks it again after it has opened the files.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import ExportError
from models.manifest import MANIFEST, MODEL, TOKENIZER


@contextmanager
def published(target: Path, *, replace: bool) -> Iterator[Path]:
    """A new folder beside `target` that becomes `target` if the block ends well, and vanishes if it does not.

    Raises:
        ExportError: the target exists, is no bundle, or cannot be written.
    """
    target = target.resolve()  # a link stays one, and `.` has a name
    if target.exists():
        _require_leave(target, replace=replace)
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


def _require_leave(target: Path, *, replace: bool) -> None:
    if not replace:
        msg = f"{target} exists: pass --replace, or name another folder"
        raise ExportError(msg)
    held = sorted(path.name for path in target.iterdir()) if target.is_dir() else [target.name]
    if other := [name for name in held if name not in (MODEL, TOKENIZER, MANIFEST)]:
        msg = f"{target} is no bundle, as it holds {other[0]}: --replace would take that along, name another folder"
        raise ExportError(msg)


def _swap(part: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}-old-{os.getpid()}")
    if target.exists():
        target.rename(old)
    try:
        part.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
