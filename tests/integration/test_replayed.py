"""A dead letter is taken out, repaired and sent back: it is read like any other, and counts once."""

import asyncio
import json

import clickhouse_connect
import pytest
from aiokafka import AIOKafkaProducer

from infra.embedded.stack import Stack
from infra.init import initialise
from streams.faults import Fault
from streams.settings import load_settings
from tests.chaos.cluster import Cluster
from tests.cli.conftest import Program

TS = 1_750_000_000_000
BROKEN = [{"id": f"{number}", "source": "wire", "title": f"broken {number}"} for number in range(3)]
WHOLE = {"id": "whole", "ts": TS, "source": "wire", "title": "whole"}


async def send(servers, bodies):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for body in bodies:
            await producer.send_and_wait("news.raw", json.dumps(body).encode(), partition=0)


def tables(url):
    host, port = url.removeprefix("http://").split(":")
    client = clickhouse_connect.get_client(host=host, port=int(port), username="reader", database="pulsewire")
    events = client.query("SELECT event_id FROM events FINAL ORDER BY event_id").result_rows
    sums = client.query("SELECT sum(events) FROM windows FINAL GROUP BY dimension, window_seconds").result_rows
    client.close()
    return [name for (name,) in events], {count for (count,) in sums}


@pytest.mark.stack
@pytest.mark.timeout(240)
async def test_a_repaired_dead_letter_counts_once_though_its_reader_dies(tmp_path):
    program, taken = Program(tmp_path), tmp_path / "taken.jsonl"
    async with Stack(tmp_path / "stack", say=lambda _: None) as stack:
        at = stack.addresses
        await initialise(load_settings(kafka=at.kafka, clickhouse=at.clickhouse))
        program.env |= {"PULSEWIRE_KAFKA": at.kafka, "PULSEWIRE_CLICKHOUSE": at.clickhouse}

        async def dlq(*args):
            done = await asyncio.to_thread(program, "dlq", "replay", *args)
            assert done.returncode == 0, done.stderr
            return done.stderr.decode()

        cluster = Cluster(stack, tmp_path, fake=True)
        await cluster.add()
        await send(at.kafka, [*BROKEN, WHOLE])
        await cluster.until_acknowledged(await cluster.ends(), within_s=60)
        assert await asyncio.to_thread(tables, at.clickhouse) == (["whole"], {1})

        assert "3 taken out" in await dlq("--file", str(taken))
        lines = [json.loads(line) for line in taken.read_text().splitlines()]
        for line in lines:
            line["text"] = json.dumps(json.loads(line["text"]) | {"ts": TS})
        taken.write_text("".join(json.dumps(line) + "\n" for line in lines))

        struck = Fault(1, "stored", "kill")
        cluster.arm(struck)  # in the tables, and not acknowledged: it is read once more
        assert "3 sent" in await dlq("--from-file", str(taken), "--yes")
        assert await cluster.struck(struck, within_s=60)
        assert "3 had been sent before" in await dlq("--from-file", str(taken), "--yes")
        assert "nothing waits" in await dlq("--yes")
        await cluster.until_acknowledged(await cluster.ends(), within_s=60)
        assert await asyncio.to_thread(tables, at.clickhouse) == (["0", "1", "2", "whole"], {4})
