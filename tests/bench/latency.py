"""From the broker's time stamp to a stored row, headlines arriving at random at a share of what one worker can do.

Arrivals are Poisson and do not wait for answers. A scored event is published after its row is stored: the time of that
message less the raw message's is the latency. Capacity is measured first, in the same run. The burst is ten times the
capacity for two seconds; it is told how long the last of it took. Loads take turns, round after round: medians of the
rounds. The check is that every event comes out once.
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
from tests.bench._report import spread
from tests.bench._stack import TOPICS, measure, payloads, running
from tests.bench._texts import endless, headlines


def main(argv):
    """Run it; with --write put the table into docs/benchmarks.md."""
    parser = options("latency", __doc__, rounds=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load and round")
    parser.add_argument("--loads", type=float, nargs="+", default=[0.25, 0.5, 0.8])
    parser.add_argument("--warm", type=int, default=800, help="headlines a round, three rounds, to learn the capacity")
    chosen = parser.parse_args(argv)
    with progress("latency") as report:
        rows = asyncio.run(_run(chosen, report))
    return told("latency", __doc__, rows, chosen=chosen)


async def _run(chosen, report):
    feed = endless(headlines()[1])
    warm, number, parts = chosen.warm, 0, 3 + chosen.rounds * (len(chosen.loads) + 1)
    async with running() as at, _scored(at) as scored:
        rates = []
        for number in range(3):
            report(number / parts, "what one worker can do")
            rates.append(
                await measure(at, "news", list(payloads("news", [next(feed) for _ in range(warm)], number, warm)))
            )
        capacity = statistics.median(rates)
        await _taken(scored, 3 * warm)
        loads = {f"{load:.0%} of {capacity:,.0f}/s": (load, chosen.seconds) for load in chosen.loads}
        loads["burst: 10 times for 2 s"] = (10.0, 2.0)
        took = {name: [] for name in loads}
        for _ in range(chosen.rounds):
            for name, (load, seconds) in loads.items():
                number += 1
                report(number / parts, name)
                took[name].append(await _under(at, scored, feed, number, per_s=load * capacity, seconds=seconds))
    return [_row(name, rounds) for name, rounds in took.items()]


def _scored(at):
    """Reads from the beginning: a consumer that begins at the end finds it only when it is first asked."""
    return AIOKafkaConsumer("news.scored", bootstrap_servers=at.settings.kafka, auto_offset_reset="earliest")


def _row(load, rounds):
    cuts = [statistics.quantiles(took, n=100) for took in rounds]
    shown = {f"p{share}, ms": spread([one[share - 1] for one in cuts]) for share in (50, 95, 99)}
    return {"load": load, "events": f"{sum(map(len, rounds)):,}", **shown, "last, ms": spread([*map(max, rounds)])}


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
