"""`python -m infra.embedded.lock`: write the lock file of the broker's jars anew."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from infra.embedded.lockfile import KAFKA_VERSION, LOCK_FILE, Jar, render_lock
from infra.embedded.maven import download, resolve

LOG4J = "org.apache.logging.log4j"


def coordinates() -> list[tuple[str, str, str]]:
    """What the broker needs, and the binding without which it logs nothing.

    Two calls: resolved together, the binding's bill of materials would change Kafka's own versions.
    """
    broker = resolve("org.apache.kafka", "kafka_2.13", KAFKA_VERSION, transitive=True)
    log4j = next(version for group, artifact, version in broker if (group, artifact) == (LOG4J, "log4j-core"))
    binding = resolve(LOG4J, "log4j-slf4j-impl", log4j, transitive=False)
    return sorted({*broker, *binding})


def main() -> None:
    """Resolve, fetch, hash and write."""
    found = coordinates()
    with tempfile.TemporaryDirectory() as folder:
        jars = [_pin(*one, Path(folder)) for one in found]
    LOCK_FILE.write_text(render_lock(jars), encoding="utf-8")
    sys.stdout.write(f"{len(jars)} jars, {sum(jar.size_bytes for jar in jars) / 1e6:.1f} MB: {LOCK_FILE.name}\n")


def _pin(group: str, artifact: str, version: str, folder: Path) -> Jar:
    unknown = Jar(group=group, artifact=artifact, version=version, sha256="", size_bytes=0)
    path = download(unknown, folder, advance=lambda _: None)
    data = path.read_bytes()
    return Jar(
        group=group, artifact=artifact, version=version, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data)
    )


if __name__ == "__main__":
    main()
