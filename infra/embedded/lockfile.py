"""The lock file: which jars the broker runs on, by coordinates, sha256 and size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from infra.embedded.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterable

KAFKA_VERSION = "4.4.0"
LOCK_FILE = Path(__file__).with_name("kafka.lock")

_HEAD = """\
# The jars of the embedded broker: coordinates, sha256, bytes. Written by `python -m infra.embedded.lock`.
"""


class Jar(msgspec.Struct, frozen=True, order=True):
    """One jar, as the lock file pins it."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """The name that the file has in a repository, and in our cache."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """The jars that a lock file names; raises `StackError` for a line that is not one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(_parse(line, path) for line in lines if line and not line.startswith("#"))


def render_lock(jars: Iterable[Jar]) -> str:
    """The text of a lock file, in an order that makes its differences readable."""
    lines = (f"{jar.group}:{jar.artifact}:{jar.version}  {jar.sha256}  {jar.size_bytes}\n" for jar in sorted(jars))
    return _HEAD + "".join(lines)


def _parse(line: str, path: Path) -> Jar:
    try:
        coordinates, sha256, size = line.split()
        group, artifact, version = coordinates.split(":")
        return Jar(group=group, artifact=artifact, version=version, sha256=sha256, size_bytes=int(size))
    except ValueError:
        raise StackError(f"{path.name} holds a line that names no jar: {line!r}") from None
