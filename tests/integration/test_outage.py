"""A transport goes away and comes back: the worker says so at /readyz and once in its log, waits, and loses nothing."""

import asyncio
import json
import time

import clickhouse_connect
import httpx
import pytest
from aiokafka import AIOKafkaProducer

from infra.embedded.jars import default_cache, ensure_jars
from infra.embedded.kafka import kafka_part
from infra.embedded.ports import free_port
from infra.embedded.stack import Stack
from infra.embedded.store import clickhouse_part
from infra.init import initialise
from infra.up import program_part
from streams.settings import load_settings


async def send(servers, text):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        event = {"ts": int(time.time() * 1000), "source": "wire", "title": text}
        await producer.send_and_wait("news.raw", json.dumps(event).encode())


async def until_ready(port, *, waiting_for=None, within_s=40):
    """Until /readyz says that all is well, or that this is being waited for."""
    deadline = time.monotonic() + within_s
    async with httpx.AsyncClient() as client:
        while True:
            answer = await client.get(f"http://127.0.0.1:{port}/readyz")
            waiting = answer.json()["waiting"]
            if waiting_for in waiting or not (waiting_for or waiting):
                break
            assert time.monotonic() < deadline, answer.text
            await asyncio.sleep(0.2)
    assert answer.status_code == (503 if waiting_for else 200)


def titles(url):
    host, port = url.removeprefix("http://").split(":")
    client = clickhouse_connect.get_client(host=host, port=int(port), username="reader", database="pulsewire")
    found = [row[0] for row in client.query("SELECT text FROM events FINAL ORDER BY text").result_rows]
    client.close()
    return found


async def until_stored(url, wanted):
    deadline = time.monotonic() + 40
    while await asyncio.to_thread(titles, url) != wanted:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.3)


@pytest.mark.stack
@pytest.mark.timeout(240)
async def test_it_waits_says_so_and_loses_nothing(tmp_path):
    kafka, controller, clickhouse, metrics = (free_port() for _ in range(4))
    folder = tmp_path / "stack"
    async with Stack(folder, kafka_port=kafka, controller_port=controller, clickhouse_port=clickhouse) as stack:
        servers, url = stack.addresses.kafka, stack.addresses.clickhouse
        await initialise(load_settings(kafka=servers, clickhouse=url))
        env = {"PULSEWIRE_KAFKA": servers, "PULSEWIRE_CLICKHOUSE": url, "PULSEWIRE_METRICS_PORT": str(metrics)}
        ready = f"http://127.0.0.1:{metrics}/readyz"
        await stack.supervisor.add(program_part("worker", "worker", env=env, ready_url=ready))
        await send(servers, "one")
        await until_stored(url, ["one"])

        await stack.supervisor.stop("clickhouse")
        await send(servers, "two")
        await until_ready(metrics, waiting_for="news")
        await asyncio.sleep(3)
        await stack.supervisor.add(clickhouse_part(folder / "clickhouse", clickhouse))
        await until_stored(url, ["one", "two"])
        await until_ready(metrics)

        await stack.supervisor.stop("kafka")
        await until_ready(metrics, waiting_for="kafka")
        await asyncio.sleep(3)
        jars = ensure_jars(default_cache(), say=print)
        await stack.supervisor.add(await kafka_part(folder / "kafka", jars, port=kafka, controller_port=controller))
        await until_ready(metrics)
        await send(servers, "three")
        await until_stored(url, sorted(["one", "two", "three"]))

        log = stack.supervisor.log("worker").read_text()
        print(log)
        assert log.count("news: waiting") == 1
        # A busy machine's broker may be slow to answer before, too: that is said once as well, and when it is over
        assert log.count("kafka: waiting") == log.count("kafka: back") >= 1
        assert stack.supervisor.restarts("worker") == 0
        await stack.supervisor.stop("worker")
