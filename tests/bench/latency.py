"""From the broker's time stamp to a stored row, headlines arriving at random at a share of what one worker can do.

Arrivals are Poisson and do not wait for answers. A scored event is published after its row is stored: the time of that
message less the raw message's is the latency. Capacity is measured first, in the same run. The burst is ten times the
capacity for two seconds; it is told how long the last of it took. The check is that every event comes out once.
"""

import asyncio
import json
import random
import statistics
import time
from datetime import datetime

from aiokafka import AIOKafkaConsumer

from models.console import progress
from tests.bench._options import options, told
from tests.bench._stack import TOPICS, measure, payloads, running
from tests.bench._texts import endless, headlines


def main(argv):
    """Run it; with --write put the table into docs/benchmarks.md."""
    parser = options("latency", __doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each load")
    parser.add_argument("--loads", type=float, nargs="+", default=[0.25, 0.5, 0.8])
    parser.add_argument("--warm", type=int, default=800, help="headlines a round, three rounds, to learn the capacity")
    chosen = parser.parse_args(argv)
    with progress("latency") as report:
        rows = asyncio.run(_run(chosen.loads, chosen.seconds, chosen.warm, report))
    return told("latency", __doc__, rows, chosen=chosen)


async def _run(loads, seconds, warm, report):
    feed = endless(headlines()[1])
    rows, number, parts = [], 0, 3 + len(loads) + 1
    async with running() as at, _scored(at) as scored:
        rates = []
        for number in range(3):
            report(number / parts, "what one worker can do")
            rates.append(
                await measure(at, "news", list(payloads("news", [next(feed) for _ in range(warm)], number, warm)))
            )
        capacity = statistics.median(rates)
        await _taken(scored, 3 * warm)
        for load in loads:
            number += 1
            report(number / parts, f"{load:.0%} of {capacity:,.0f}/s")
            took = await _under(at, scored, feed, number, per_s=load * capacity, seconds=seconds)
            rows.append(_row(f"{load:.0%} of {capacity:,.0f}/s", took))
        number += 1
        report(number / parts, "a burst")
        took = await _under(at, scored, feed, number, per_s=10 * capacity, seconds=2.0)
        rows.append(_row("burst: 10 times for 2 s", took))
    return rows


def _scored(at):
    """Reads from the beginning: a consumer that begins at the end finds it only when it is first asked."""
    return AIOKafkaConsumer("news.scored", bootstrap_servers=at.settings.kafka, auto_offset_reset="earliest")


def _row(load, took):
    cuts = statistics.quantiles(took, n=100)
    shown = {"p50, ms": cuts[49], "p95, ms": cuts[94], "p99, ms": cuts[98], "last, ms": max(took)}
    return {"load": load, "events": f"{len(took):,}"} | {name: f"{value:,.0f}" for name, value in shown.items()}


async def _under(at, scored, feed, number, *, per_s, seconds):
    """Latencies in milliseconds of events that arrive at this rate."""
    chance = random.Random(number)
    values = list(payloads("news", [next(feed) for _ in range(int(per_s * seconds))], number, int(per_s * seconds)))
    taking = asyncio.create_task(_taken(scored, len(values)))
    sent, due = [], time.perf_counter()
    for value in values:
        due += chance.expovariate(per_s)
        if (wait_s := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        sent.append(await at.producer.send(TOPICS["news"], value=value, partition=chance.randrange(4)))
    await asyncio.gather(*sent)
    return await taking


async def _taken(scored, count):
    """Latencies in milliseconds of the next so many scored events."""
    took = {}
    async with asyncio.timeout(300):
        while len(took) < count:
            for records in (await scored.getmany(timeout_ms=500)).values():
                for record in records:
                    event = json.loads(record.value)
                    came = datetime.fromisoformat(event["ingested_at"]).timestamp() * 1_000
                    took[event["partition"], event["offset"]] = record.timestamp - came
    return list(took.values())
