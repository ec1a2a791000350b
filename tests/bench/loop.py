"""The stream loop without new work for the model, beside bare aiokafka with msgspec on the same topic.

Views carry no text; the log lines' templates are all in the memory of answers after a first round that does not count.
Ours go all the way: decoded, redacted, counted into windows, stored in two tables, published on two topics, and
acknowledged. The bare loop fetches and decodes the whole topic, and does nothing else. The worker's own processor time
tells what one core could do where broker, store and producer run elsewhere. The check is that every event is in the
table once.
"""

import asyncio
import time

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from models.console import progress
from streams.adapters.clickhouse import connect
from streams.core.payloads import TYPES
from tests.bench._options import options, told
from tests.bench._report import spread
from tests.bench._stack import PARTITIONS, TOPICS, measure, payloads, running
from tests.bench._texts import log_lines

WHAT = {"user": "views, no text", "logs": "log lines, templates known"}
COUNT = "SELECT count(), uniqExact(partition, offset) FROM events FINAL WHERE topic = {topic:String}"


def main(argv):
    """Run it; with --write put the table into docs/benchmarks.md."""
    parser = options("loop", __doc__, rounds=5)
    parser.add_argument("--events", type=int, default=20_000, help="of each kind and round")
    chosen = parser.parse_args(argv)
    with progress("loop") as report:
        rows = asyncio.run(_run(chosen.rounds, chosen.events, report))
    return told("loop", __doc__, rows, chosen=chosen)


async def _run(rounds, events, report):
    _, lines = log_lines()
    lines = (lines * (events // len(lines) + 1))[:events]
    ours, fetched, cpu = ({kind: [] for kind in WHAT} for _ in range(3))
    async with running() as at:
        for number in range(rounds + 1):
            report(number / (rounds + 1), f"round {number}" if number else "warming up")
            for kind in WHAT:
                sent = list(payloads(kind, lines if kind == "logs" else None, number, events))
                used = at.cpu_s()
                rate = await measure(at, kind, sent)
                used = at.cpu_s() - used
                limit = await bare(at.settings, kind, events * (number + 1))
                if number:
                    ours[kind].append(rate)
                    cpu[kind].append(events / used)
                    fetched[kind].append(limit)
        for kind in WHAT:
            await _check(at.settings, TOPICS[kind], events * (rounds + 1))
    return [
        {
            "events": WHAT[kind],
            "events/s, topic to tables": spread(ours[kind]),
            "events/s of one core": spread(cpu[kind]),
            "bare aiokafka and msgspec, events/s": spread(fetched[kind]),
        }
        for kind in WHAT
    ]


async def bare(settings, kind, events):
    """Events a second that `getmany` and a typed decoder take of the same log."""
    decode = msgspec.json.Decoder(TYPES[kind]).decode
    parts = [TopicPartition(TOPICS[kind], number) for number in range(PARTITIONS)]
    async with AIOKafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest") as consumer:
        consumer.assign(parts)
        await consumer.seek_to_beginning()
        taken, began = 0, time.perf_counter()
        while taken < events:
            for records in (await consumer.getmany(timeout_ms=500, max_records=500)).values():
                taken += len([decode(record.value) for record in records])
        return taken / (time.perf_counter() - began)


async def _check(settings, topic, expected):
    client = await connect(settings)
    (found,) = (await client.query(COUNT, parameters={"topic": topic})).result_rows
    await client.close()
    if tuple(found) != (expected, expected):
        raise SystemExit(f"loop: of {expected} events of {topic}, {found[0]} rows with {found[1]} positions are stored")
