"""The only file that speaks to `jgo`: single artifacts, and the broker's whole set, from its own repositories."""

from __future__ import annotations

import logging
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from jgo.maven import Dependency, MavenContext, PythonResolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infra.embedded.lockfile import Jar

BACK_OFF_S = 0.5
_TRIES = 3
_TIMEOUT_S = 30

# It warns of a sha1 that does not fit and goes on; our own check of the sha256 refuses the file and says so.
logging.getLogger("jgo.maven").setLevel(logging.ERROR)


class UnreachableError(Exception):
    """No repository gave the artifact, after some tries; the text says why, in a few words."""


def download(
    jar: Jar, folder: Path, *, advance: Callable[[int], None], repositories: Mapping[str, str] | None = None
) -> Path:
    """Fetch one artifact into a new folder below `folder`; the caller verifies it."""
    for attempt in range(1, _TRIES + 1):
        counted = _Counter(advance)
        try:
            return _download_once(jar, folder, counted, repositories)
        except (requests.RequestException, RuntimeError) as error:  # RuntimeError: no repository has it
            counted.take_back()
            if attempt == _TRIES:
                raise UnreachableError(_briefly(error)) from error
            time.sleep(BACK_OFF_S * attempt)
    raise AssertionError


def resolve(group: str, artifact: str, version: str, *, transitive: bool) -> list[tuple[str, str, str]]:
    """The (group, artifact, version) of what an artifact needs at run time, itself included."""
    with tempfile.TemporaryDirectory() as cache:
        context = MavenContext(repo_cache=Path(cache), timeout=_TIMEOUT_S)
        root = Dependency(context.project(group, artifact).at_version(version).artifact())
        inputs, others = PythonResolver().resolve([root], transitive=transitive)
        found = [*inputs, *(others if transitive else [])]
        return sorted({(d.groupId, d.artifactId, d.version) for d in found if d.type == "jar"})


def _download_once(jar: Jar, folder: Path, counted: _Counter, repositories: Mapping[str, str] | None) -> Path:
    scratch = Path(tempfile.mkdtemp(dir=folder))  # a fresh one: jgo takes whatever lies in its cache for complete
    context = MavenContext(
        resolver=PythonResolver(progress_callback=counted.track),
        repo_cache=scratch,
        remote_repos=dict(repositories) if repositories is not None else None,
        timeout=_TIMEOUT_S,
    )
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    path = Path(context.resolver.download(artifact))
    if path.stat().st_size < counted.expected:
        raise requests.ConnectionError("cut off")
    return path


class _Counter:
    """Adds up what came of one artifact, so that a second try can take it back."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance, self._count, self.expected = advance, 0, 0

    @contextmanager
    def track(self, _name: str, size: int) -> Iterator[Callable[[int], None]]:
        self.expected = size
        yield self._add

    def take_back(self) -> None:
        self._advance(-self._count)
        self._count = 0

    def _add(self, count: int) -> None:
        self._count += count
        self._advance(count)


def _briefly(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.ConnectionError):
        return "connection refused or cut off"
    if isinstance(error, RuntimeError):
        return "no repository has it"
    return type(error).__name__
