"""Broken events by the million through the real broker, worker and store: each stored or a dead letter, none lost.

Real events and events with something wrong (bytes, encodings, numbers, nesting, dates, types, sizes, headers) are made
from a seed. What must become of each is worked out beforehand, by code that shares nothing with the program. A record
that is lost, doubled, changed or elsewhere than expected is told with its place, its bytes and the seed.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
import psutil

from infra.embedded.stack import Stack
from infra.init import initialise
from streams.cli.progress import progress
from streams.errors import PulsewireError
from streams.settings import load_settings
from tests.bench._options import options
from tests.bench._report import write
from tests.chaos.cluster import Cluster
from tests.chaos.fuzzing import Ledger, Unaccounted, check_windows, read_dead_letters, read_stored, send, tell
from tests.chaos.oracle import STORED

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
STUCK_S = 240.0
LOOK_EVERY_S = 1.0
MB = 1_000_000


@dataclass
class Outcome:
    """What came of it."""

    ledger: Ledger
    took_s: float
    memory: list[int]  # of the worker, in bytes, once a second


def main(argv):
    """Run it; with --write put the table into docs/reliability.md."""
    parser = options("fuzz", __doc__, into="reliability.md")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", action="store_true", help="read texts with the real model: far slower")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcome = asyncio.run(fuzz(asked.events, asked.seed, folder=Path(folder), fake=not asked.model))
        except* Unaccounted as found:
            raise PulsewireError(f"seed {asked.seed}: {found.exceptions[0]}") from None
    rows = rows_of(outcome.ledger)
    told = _told(asked, outcome)
    print(told, flush=True)
    if asked.write:
        write("Bad input", told, rows, page=PAGE)
    return rows


async def fuzz(events, seed, *, folder, fake=True):
    """Everything from an empty folder to the verdict. Raises Unaccounted."""
    ledger, memory = Ledger(), []
    async with Stack(folder / "stack", say=lambda _: None) as stack:
        await initialise(load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse))
        cluster = Cluster(stack, folder, fake=fake, env={"PULSEWIRE_DLQ_LIMIT_SHARE": "1"})
        name = await cluster.add()
        began = time.perf_counter()
        with progress("events", total=events) as advance:
            async with asyncio.TaskGroup() as group:
                group.create_task(send(stack.addresses.kafka, ledger, seed=seed, count=events))
                group.create_task(_drained(cluster, name, events, advance, memory))
        took_s = time.perf_counter() - began
        deaths = {part: stack.supervisor.restarts(part) for part in (name, "kafka", "clickhouse")}
        if any(deaths.values()):
            raise Unaccounted(f"processes died and were started again: {deaths}")
        await cluster.remove(name)
        await _judge(ledger, stack)
    return Outcome(ledger, took_s, memory)


async def _drained(cluster, name, events, advance, memory):
    """Until the group has committed as many as there will be; the worker's memory is noted meanwhile."""
    done, moved = 0, time.monotonic()
    while done < events:
        await asyncio.sleep(LOOK_EVERY_S)
        if pid := cluster.stack.supervisor.pids().get(name):
            memory.append(psutil.Process(pid).memory_info().rss)
        now = await cluster.acknowledged()
        if now > done:
            advance(now - done)
            done, moved = now, time.monotonic()
        elif time.monotonic() - moved > STUCK_S:
            raise Unaccounted(f"nothing was acknowledged for {STUCK_S:.0f} s; {done:,} of {events:,} are")


async def _judge(ledger, stack):
    host, port = stack.addresses.clickhouse.removeprefix("http://").split(":")
    client = clickhouse_connect.get_client(host=host, port=int(port), username="pulsewire", database="pulsewire")

    def query(sql):
        return client.query(sql).result_rows

    try:
        read_stored(ledger, query)
        await read_dead_letters(ledger, stack.addresses.kafka)
        if wrong := ledger.verdict():
            await tell(wrong, stack.addresses.kafka)
        check_windows(ledger, query)
    finally:
        client.close()


def rows_of(ledger):
    """One row for each outcome, by topic."""
    found = ledger.counts()
    outcomes = sorted(
        {name for one in found.values() for name in one if one[name]}, key=lambda one: (one != STORED, one)
    )
    rows = [{"outcome": name} | {topic: f"{one[name]:,}" for topic, one in found.items()} for name in outcomes]
    for row in rows:
        row["all"] = f"{sum(one[row['outcome']] for one in found.values()):,}"
    total = {topic: f"{sum(one.values()):,}" for topic, one in found.items()}
    return [*rows, {"outcome": "together"} | total | {"all": f"{ledger.events:,}"}]


def _told(asked, outcome):
    ledger, memory = outcome.ledger, outcome.memory
    reader = "the real model" if asked.model else "a classifier without a model"
    return (
        f"`pulsewire bench fuzz --events {asked.events} --seed {asked.seed}`, {reader}: {ledger.events:,} records in"
        f" {outcome.took_s:.0f} s, {ledger.events / outcome.took_s:,.0f} a second while they were made and sent on the"
        f" same machine. Each is once in `events` or once on its dead-letter topic, with a code, key, value and headers"
        f" unchanged. Of {ledger.exact:.0%} one outcome alone was expected, of the others one of a few; all came as"
        f" expected. Windows of both sizes count what is stored. No process died. The worker's memory:"
        f" {max(memory) / MB:,.0f} MB at most,"
        f" {memory[-1] / MB:,.0f} MB in the end."
    )
