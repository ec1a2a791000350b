"""20,000 events, two workers, ten SIGKILLs at random moments: every event counts once and every sum is exact."""

import asyncio
import os
import random
import signal
import time
from contextlib import asynccontextmanager

import clickhouse_connect
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.embedded.part import Restart
from infra.embedded.ports import free_port
from infra.embedded.stack import Stack
from infra.init import initialise
from infra.up import program_part
from streams.settings import load_settings
from tests.chaos.audit_sums import check_sums
from tests.chaos.ledger import TOPICS, Ledger, check, produce

COUNT = int(os.environ.get("PULSEWIRE_LEDGER_EVENTS", "20000"))
KILLS = int(os.environ.get("PULSEWIRE_LEDGER_KILLS", "10"))
START_MS = 1_750_000_000_000
PATIENCE_S = 240


def worker_part(name, stack, folder):
    port = free_port()
    (folder / "pulsewire.toml").touch()  # none but the defaults
    env = {
        "PULSEWIRE_KAFKA": stack.addresses.kafka,
        "PULSEWIRE_CLICKHOUSE": stack.addresses.clickhouse,
        "PULSEWIRE_DATA_DIR": str(folder),
        "PULSEWIRE_METRICS_PORT": str(port),
        "PULSEWIRE_SESSION_TIMEOUT_MS": "6000",
        "PULSEWIRE_THREADS": "1",
        "PULSEWIRE_CONFIG": str(folder / "pulsewire.toml"),
    }
    part = program_part(name, "worker", env=env, ready_url=f"http://127.0.0.1:{port}/readyz")
    return msgspec.structs.replace(part, restart=Restart(limit_s=0.5))


async def kill_at_random(stack, rng):
    """SIGKILL one of the two workers, again and again, at moments that have nothing to do with what it is doing.

    Now and then it is killed while it starts, or both are down; mostly it is left to come back to work first.
    """
    for _ in range(KILLS):
        name = rng.choice(("worker-1", "worker-2"))
        if rng.random() < 0.8:
            await stack.supervisor.until_ready(name)
        await asyncio.sleep(rng.uniform(0.1, 4))
        while name not in stack.supervisor.pids():  # noqa: ASYNC110 - the supervisor tells nobody
            await asyncio.sleep(0.05)
        stack.supervisor.kill(name, signal.SIGKILL)


async def drained(servers):
    """Until the group has committed everything that the raw topics hold."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id="pulsewire", enable_auto_commit=False)
    await consumer.start()
    try:
        ats = [TopicPartition(topic, partition) for topic in TOPICS.values() for partition in range(4)]
        ends = await consumer.end_offsets(ats)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            committed = {at: await consumer.committed(at) or 0 for at in ats}
            behind = sum(ends[at] - committed[at] for at in ats)
            if not behind:
                return
            assert time.monotonic() < deadline, f"{behind} events are not acknowledged after {PATIENCE_S} s"
            await asyncio.sleep(0.5)
    finally:
        await consumer.stop()


async def count_topic(servers, topic):
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        ats = [TopicPartition(topic, partition) for partition in range(4)]
        consumer.assign(ats)
        await consumer.seek_to_beginning(*ats)
        ends = await consumer.end_offsets(ats)
        seen = []
        while any([await consumer.position(at) < ends[at] for at in ats]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                seen += [(dict(r.headers)["pw-partition"], dict(r.headers)["pw-offset"], r.value) for r in records]
        return set(seen)
    finally:
        await consumer.stop()


async def hold_to(ledger, stack):
    """Wait until all is read, and compare every table and dead-letter topic with the ledger."""
    await drained(stack.addresses.kafka)
    host, port = stack.addresses.clickhouse.removeprefix("http://").split(":")
    client = clickhouse_connect.get_client(host=host, port=int(port), username="reader", database="pulsewire")
    check(ledger, lambda sql: client.query(sql).result_rows)
    check_sums(lambda sql: client.query(sql).result_rows)
    client.close()
    for topic, poison in ledger.poison.items():
        assert len(await count_topic(stack.addresses.kafka, f"{topic}.dlq")) == poison


@asynccontextmanager
async def workers(folder, *names):
    """The stack with these workers."""
    async with Stack(folder / "stack") as stack:
        await initialise(load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse))
        for name in names:
            await stack.supervisor.add(worker_part(name, stack, folder))
        yield stack


@pytest.fixture
def seed():
    chosen = int(os.environ.get("PULSEWIRE_LEDGER_SEED", random.randrange(10**6)))
    print(f"ledger seed {chosen}: repeat with PULSEWIRE_LEDGER_SEED={chosen}")
    return chosen


@pytest.mark.stack
@pytest.mark.timeout(600)
async def test_every_event_counts_once_through_ten_kills(tmp_path, seed):
    ledger = Ledger()
    async with workers(tmp_path, "worker-1", "worker-2") as stack:
        async with asyncio.TaskGroup() as group:
            group.create_task(kill_at_random(stack, random.Random(seed)))
            await produce(stack.addresses.kafka, count=COUNT, seed=seed, start_ms=START_MS, per_s=400, ledger=ledger)
        await hold_to(ledger, stack)
    assert len(ledger.entries) == COUNT


@pytest.mark.stack
@pytest.mark.timeout(300)
async def test_every_event_counts_once_though_store_and_broker_die(tmp_path, seed):
    ledger = Ledger()
    async with workers(tmp_path, "worker-1") as stack:
        sending = asyncio.create_task(
            produce(stack.addresses.kafka, count=6_000, seed=seed, start_ms=START_MS, per_s=300, ledger=ledger)
        )
        for name in ("clickhouse", "kafka", "clickhouse"):
            await asyncio.sleep(3)
            stack.supervisor.kill(name, signal.SIGKILL)
            await asyncio.sleep(0.2)
            await stack.supervisor.until_ready(name)
        await sending
        await hold_to(ledger, stack)
        assert stack.supervisor.restarts("worker-1") == 0, "the worker waits for them; it does not die with them"
    assert len(ledger.entries) == 6_000
