"""Bring the broker's jars into a cache that all projects of a user share.

1. A jar is in the cache under its final name only if its sha256 is the lock file's: downloads go to a temporary
   folder beside it and are renamed. A cut-off leaves nothing half there, and the next run goes on where it stopped.
2. The hashes are checked on every start as well: 44 MB take a twentieth of a second.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from infra.embedded.errors import StackError
from infra.embedded.lockfile import KAFKA_VERSION, Jar, read_lock
from infra.embedded.maven import UnreachableError, download
from infra.embedded.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_AT_ONCE = 6


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/pulsewire/kafka/<version>`, or the same under `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "pulsewire" / "kafka" / KAFKA_VERSION


def ensure_jars(
    cache: Path,
    *,
    say: Callable[[str], None],
    jars: Sequence[Jar] | None = None,
    repositories: Mapping[str, str] | None = None,
    given_up: threading.Event | None = None,
) -> list[Path]:
    """The jars' paths, after fetching what is missing; raises `StackError` rather than return an unverified file.

    `repositories` (name to address) stand in for jgo's own, for a mirror or a test. Once `given_up` is set, fetching
    ends with the next bytes that come.
    """
    wanted = read_lock() if jars is None else tuple(jars)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        missing = [jar for jar in wanted if not _is_good(cache / jar.file_name, jar)]
        if missing:
            _fetch_all(missing, cache, say=say, repositories=repositories, given_up=given_up or threading.Event())
    except OSError as error:
        raise StackError(_explain(error, cache)) from error
    return [cache / jar.file_name for jar in wanted]


def _fetch_all(
    missing: Sequence[Jar],
    cache: Path,
    *,
    say: Callable[[str], None],
    repositories: Mapping[str, str] | None,
    given_up: threading.Event,
) -> None:
    total = sum(jar.size_bytes for jar in missing)
    with (
        tempfile.TemporaryDirectory(prefix=".partial-", dir=cache) as scratch,
        Progress(f"Kafka {KAFKA_VERSION}, {len(missing)} jars", total_bytes=total, say=say) as progress,
        ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="jars") as pool,
    ):

        def advance(count_bytes: int) -> None:
            if given_up.is_set():
                raise StackError("fetching Kafka's jars was given up")
            progress.advance(count_bytes)

        tasks = [pool.submit(_fetch, jar, cache, Path(scratch), advance, repositories) for jar in missing]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(
    jar: Jar, cache: Path, scratch: Path, advance: Callable[[int], None], repositories: Mapping[str, str] | None
) -> None:
    try:
        came = download(jar, scratch, advance=advance, repositories=repositories)
    except UnreachableError as error:
        raise StackError(
            f"cannot fetch {jar.file_name} ({error}); what has come is kept, so run it again once the network is back"
        ) from error
    digest = _sha256(came)
    if digest != jar.sha256:
        raise StackError(
            f"{jar.file_name} is not the file that was locked: "
            f"sha256 {digest[:12]}…, expected {jar.sha256[:12]}…; refused"
        )
    came.replace(cache / jar.file_name)


def _is_good(path: Path, jar: Jar) -> bool:
    return path.is_file() and path.stat().st_size == jar.size_bytes and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _explain(error: OSError, cache: Path) -> str:
    if error.errno == errno.ENOSPC:
        free = shutil.disk_usage(cache.parent).free // 1_000_000
        return f"the disk is full ({free} MB free): Kafka's jars need 50 MB in {cache}"
    return f"cannot keep Kafka's jars in {cache}: {error.strerror or error}"
