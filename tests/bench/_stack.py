"""One embedded stack with one worker, what is sent to it, and how it is timed."""

import asyncio
import contextlib
import json
import tempfile
import time
import urllib.request
from pathlib import Path

import msgspec
import psutil
from aiokafka import AIOKafkaProducer

from infra.clickhouse.migrate import migrate
from infra.embedded.ports import free_port
from infra.embedded.stack import Stack
from infra.embedded.store import clickhouse_part
from infra.embedded.supervisor import Supervisor
from infra.init import initialise
from infra.up import program_part
from streams.settings import load_settings

TOPICS = {"news": "news.raw", "logs": "logs.raw", "user": "user.events"}
PARTITIONS = 4


class Running(msgspec.Struct):
    """A stack that runs, its worker, and a producer into it."""

    stack: Stack
    folder: Path  # the stack's
    ports: list[int]
    producer: AIOKafkaProducer
    settings: object

    def stored(self, kind):
        """Events of a kind that the workers have stored, published and acknowledged to themselves."""
        return self.metric(f'pulsewire_events_total{{kind="{kind}",outcome="stored"}}')

    def metric(self, name):
        """What the workers' metrics of this name, labels and all, add up to."""
        return sum(_metric(port, f"{name} ") for port in self.ports)

    def cpu_s(self):
        """What the worker has used of the processor."""
        return cpu_s("pulsewire worker")


@contextlib.asynccontextmanager
async def running(*, workers=1, env=None):
    """A stack in a folder of its own, gone afterwards; `env` goes over what its workers are given."""
    with tempfile.TemporaryDirectory() as folder:
        async with Stack(Path(folder) / "stack", say=lambda _: None) as stack:
            settings = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
            await initialise(settings)
            ports = [await _worker(stack, folder, number, env or {}) for number in range(workers)]
            async with AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka, linger_ms=5) as producer:
                yield Running(stack, Path(folder) / "stack", ports, producer, settings)


@contextlib.asynccontextmanager
async def store_alone():
    """The settings of a store with our tables, without broker and worker, in a folder of its own, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        supervisor, port = Supervisor(Path(folder) / "logs", say=lambda _: None), free_port()
        try:
            await supervisor.add(clickhouse_part(Path(folder) / "clickhouse", port))
            settings = load_settings(clickhouse=f"http://127.0.0.1:{port}")
            await migrate(settings)
            yield settings
        finally:
            await supervisor.close()


async def _worker(stack, folder, number, env):
    port = free_port()
    env = {
        "PULSEWIRE_KAFKA": stack.addresses.kafka,
        "PULSEWIRE_CLICKHOUSE": stack.addresses.clickhouse,
        "PULSEWIRE_DATA_DIR": folder,
        "PULSEWIRE_METRICS_PORT": str(port),
    } | env
    await stack.supervisor.add(
        program_part(f"worker-{number}", "worker", env=env, ready_url=f"http://127.0.0.1:{port}/readyz")
    )
    return port


def payloads(kind, texts, number, events):
    """What a producer sends: the texts, or as many views, spread over one hour of event time."""
    start_ms = 1_750_000_000_000 + number * 3_600_000
    for i, text in enumerate(texts if texts is not None else [None] * events):
        ts = start_ms + i * 3_600_000 // events
        fields = {
            "news": {"source": "wire", "title": text},
            "logs": {"service": f"s{i % 7}", "message": text},
            "user": {"user_id": f"u{i % 997}", "action": ("view", "search", "buy")[i % 3], "item_id": f"i{i % 499}"},
        }[kind]
        yield json.dumps({"id": f"{kind}-{number}-{i}", "ts": ts} | fields).encode()


async def send(producer, topic, values):
    """All of them, in turn over the partitions, in whole batches: the producer must not be what is measured."""
    sent, batches = [], [producer.create_batch() for _ in range(PARTITIONS)]
    for i, value in enumerate(values):
        at = i % PARTITIONS
        if batches[at].append(key=None, value=value, timestamp=None) is None:
            sent.append(await producer.send_batch(batches[at], topic, partition=at))
            batches[at] = producer.create_batch()
            batches[at].append(key=None, value=value, timestamp=None)
    sent += [await producer.send_batch(batch, topic, partition=at) for at, batch in enumerate(batches)]
    await asyncio.gather(*sent)


async def measure(at, kind, values):
    """Events a second from the first one sent to the last one stored, published and acknowledged to itself.

    It is asked for again after half of the time that the rest is likely to take: asked every 20 ms, a worker spends a
    sixteenth of its processor on the answers.
    """
    before = await asyncio.to_thread(at.stored, kind)
    began = time.perf_counter()
    await send(at.producer, TOPICS[kind], values)
    while (done := await asyncio.to_thread(at.stored, kind) - before) < len(values):
        rest_s = (time.perf_counter() - began) * (len(values) - done) / max(done, 1)
        await asyncio.sleep(min(max(rest_s / 2, 0.02), 0.5))
    return len(values) / (time.perf_counter() - began)


def _metric(port, wanted):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted)), 0.0)


def cpu_s(word):
    """Processor time of our child processes with this in their command line."""
    return sum(times.user + times.system for times in (one.cpu_times() for one in processes(word)))


def processes(word):
    """Our child processes with this in their command line."""
    return [one for one in psutil.Process().children(recursive=True) if word in _line(one)]


def _line(process):
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
