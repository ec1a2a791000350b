"""The embedded stack with workers that can be made to fail, and what the group has acknowledged."""

import asyncio
import os
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DeleteGroupsRequest

from infra.embedded.part import Part, Restart
from infra.embedded.ports import free_port
from infra.embedded.probes import answers_http
from streams.faults import SCHEDULE, WORKER, Fault, struck_folder
from tests.chaos.ledger import Ledger

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "models" / "bundle"
GROUP = "pulsewire"
SESSION_S = 3.0
WINDOWS = [TopicPartition("windows", partition) for partition in range(4)]


class Cluster:
    """Workers over a stack; `unplanned` counts the deaths that nobody ordered."""

    def __init__(self, stack, folder, *, ledger=None, proxy=None, disks=None, fake=False, without="", env=None):
        """Workers speak to the store itself where there is no proxy; `env` goes over what they are given."""
        self.stack, self.ledger, self.proxy, self.disks, self._folder = stack, ledger or Ledger(), proxy, disks, folder
        self._env = env or {}
        self._fake, self._without = fake, without
        self._schedule = folder / "schedule.json"
        self._deaths = folder / "deaths"
        self._deaths.touch()
        self._clock = folder / "clock"
        self.set_clock(0)
        self._armed = []
        self.names = []
        self.ended_s = []  # what each worker took to end when told
        self._made = 0
        self._gone = 0  # restarts of parts that were removed
        self.killed = 0
        (folder / "pulsewire.toml").touch()
        self.bundle = None if fake else Path(shutil.copytree(SHIPPED, folder / "bundle"))

    async def add(self):
        """One worker more; returns its name once it is ready."""
        self._made += 1
        name = f"worker-{self._made}"
        await self.stack.supervisor.add(self._part(name))
        self.names.append(name)
        return name

    def _part(self, name):
        port = free_port()
        env = {
            "PULSEWIRE_KAFKA": self.stack.addresses.kafka,
            "PULSEWIRE_CLICKHOUSE": f"http://127.0.0.1:{self.proxy.port}"
            if self.proxy
            else self.stack.addresses.clickhouse,
            "PULSEWIRE_DATA_DIR": str(self._folder),
            "PULSEWIRE_METRICS_PORT": str(port),
            "PULSEWIRE_CHAOS_SESSION_MS": f"{SESSION_S * 1_000:.0f}",
            "PULSEWIRE_CHAOS_DEATHS": str(self._deaths),
            "PULSEWIRE_CHAOS_CLOCK": str(self._clock),
            "PULSEWIRE_THREADS": "1",
            "PULSEWIRE_CONFIG": str(self._folder / "pulsewire.toml"),
            "PULSEWIRE_CHAOS_FAKE": "1" if self._fake else "",
            "PULSEWIRE_CHAOS_WITHOUT": self._without,
            SCHEDULE: str(self._schedule),
            WORKER: name,
            **self._env,
        }
        if self.bundle:
            env["PULSEWIRE_BUNDLE"] = str(self.bundle)
        return Part(
            name=name,
            argv=(sys.executable, "-m", "tests.chaos.worker"),
            env=env,
            ready=answers_http(f"http://127.0.0.1:{port}/readyz"),
            ready_within_s=120.0,
            folder=ROOT,
            restart=Restart(limit_s=0.5),
        )

    async def remove(self, name):
        """One worker less, told to end."""
        began = time.monotonic()
        self._gone += self.stack.supervisor.restarts(name)
        self.names.remove(name)
        await self.stack.supervisor.stop(name)
        self.ended_s.append(time.monotonic() - began)

    async def kill(self, name, number=signal.SIGKILL):
        """Send a signal to a part, once it has a process."""
        while name not in self.stack.supervisor.pids():  # noqa: ASYNC110 - the supervisor tells nobody
            await asyncio.sleep(0.05)
        self.killed += number == signal.SIGKILL and name in self.names
        self.stack.supervisor.kill(name, number)

    @contextmanager
    def forgiven(self, name):
        """However often this worker ends within the block, somebody ordered it."""
        before = self.stack.supervisor.restarts(name)
        yield
        self.killed += self.stack.supervisor.restarts(name) - before

    async def up(self):
        """Until every worker is ready."""
        for name in self.names:
            await self.stack.supervisor.until_ready(name, within_s=120)

    def unplanned(self):
        """Workers that died though nobody killed them."""
        restarts = self._gone + sum(map(self.stack.supervisor.restarts, self.names))
        return restarts - self.killed - self._deaths.stat().st_size

    def set_clock(self, ahead_s):
        """Have the workers' clocks be ahead of the machine's, within a second."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(ahead_s))
        fresh.replace(self._clock)

    async def away(self, name, seconds):
        """A part of the stack is down for so long. (It is stopped again and again: its supervisor starts it.)"""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if name in self.stack.supervisor.pids():
                self.stack.supervisor.kill(name, signal.SIGKILL)
            await asyncio.sleep(0.1)
        await self.stack.supervisor.until_ready(name)

    def arm(self, fault: Fault):
        """Have the workers know of a fault."""
        self._armed.append(fault)
        self._write()

    def disarm(self, fault: Fault):
        """Have them forget it."""
        self._armed.remove(fault)
        self._write()

    def _write(self):
        fresh = self._schedule.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self._armed))
        fresh.replace(self._schedule)

    async def struck(self, fault: Fault, *, within_s):
        """The process that a fault struck, and when; None if it was not reached in time."""
        claim = struck_folder(self._schedule) / str(fault.id)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if claim.exists() and (raw := claim.read_bytes()):
                return msgspec.json.decode(raw)
            await asyncio.sleep(0.02)
        return None

    @property
    def raw(self):
        """The partitions of the raw topics."""
        counts = self.ledger.partitions.items()
        return [TopicPartition(topic, partition) for topic, count in counts for partition in range(count)]

    async def add_partition(self, topic):
        """One partition more, which is sent to once every client may know of it."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.stack.addresses.kafka)
        await _until_it_answers(admin.start)
        try:
            await admin.create_partitions({topic: NewPartitions(self.ledger.partitions[topic] + 1)})
        finally:
            await admin.close()
        await asyncio.sleep(3)
        self.ledger.partitions[topic] += 1

    async def ends(self, ats=None):
        """The ends of these partitions, of all raw topics if none are given, once the broker tells them."""
        ats = ats or self.raw
        consumer = AIOKafkaConsumer(bootstrap_servers=self.stack.addresses.kafka)
        async with asyncio.timeout(60):
            await _until_it_answers(consumer.start)
            try:
                return await _until_it_answers(lambda: consumer.end_offsets(ats))
            finally:
                await consumer.stop()

    async def acknowledged(self):
        """How much of the raw topics the group has committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.stack.addresses.kafka)
        try:
            await admin.start()
            found = await admin.list_consumer_group_offsets(GROUP)
            return sum(max(0, found[at].offset) for at in self.raw if at in found)
        finally:
            await admin.close()

    async def until_acknowledged(self, ends, *, within_s):
        """Until the group has committed all that lies before these ends; raises TimeoutError once nothing moves."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.stack.addresses.kafka)
        behind, moved_at = dict.fromkeys(ends, (0, 0)), time.monotonic()
        try:
            async with asyncio.timeout(within_s):
                await _until_it_answers(admin.start)
            while behind:
                before = behind
                found = await _until_it_answers(lambda: admin.list_consumer_group_offsets(GROUP))
                done = {at: max(0, one.offset) for at, one in found.items()}
                behind = {at: (done.get(at, 0), end) for at, end in ends.items() if done.get(at, 0) < end}
                moved_at = time.monotonic() if behind != before else moved_at
                if time.monotonic() - moved_at > within_s:
                    raise TimeoutError(f"nothing is acknowledged for {within_s:.0f} s (done, end): {behind}")
                await asyncio.sleep(0.1)
        finally:
            await admin.close()

    async def rewind(self, ats):
        """Set these committed offsets of a group that nobody is in back to the beginning."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.stack.addresses.kafka, group_id=GROUP, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign(ats)
            async with asyncio.timeout(60):
                await _until_it_answers(lambda: consumer.commit(dict.fromkeys(ats, 0)))
        finally:
            await consumer.stop()

    async def forget(self):
        """Delete the group, which nobody is in, with all that it has committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.stack.addresses.kafka)
        try:
            await admin.start()
            node = await admin.find_coordinator(GROUP)
            answer = await admin._send_request_to_node(node, DeleteGroupsRequest([GROUP]))
        finally:
            await admin.close()
        assert [code for _, code in answer.results] == [0], answer


async def _until_it_answers(call):
    while True:
        try:
            return await call()
        except (KafkaError, OSError):
            await asyncio.sleep(0.2)


def resume(pid):
    """Have a stopped process go on, if it is still there."""
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return
