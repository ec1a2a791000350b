"""How fast the store answers the page, Grafana and the worker over many rows, read with FINAL, and takes new ones.

The rows are generated in the store; one in eleven window rows and one event in twenty is stored twice, the last hour
a third time by the worker's own insert path, so that FINAL has work to do. Each question is asked over and over, each
time for another key or moment, and each answer is held to what the generated rows add up to. The round trip is a
question without rows. The bar for the page and for Grafana is a p95 under 100 ms. The store's own processor time for
an answer says what the machine's other work does not disturb.
"""

import asyncio
import time

from models.console import progress
from streams.adapters.alert_store import ClickHouseAlertStore
from streams.adapters.clickhouse import connect
from streams.adapters.event_store import ClickHouseEventStore
from streams.core.event import Event, Findings, Scored
from streams.serve.queries import ALIVE
from streams.topology import KINDS, RAW
from tests.bench import _generated as generated
from tests.bench._generated import END_MS, HOUR, MINUTE_MS, PARTITIONS, Made
from tests.bench._options import options, told
from tests.bench._questions import Question, of_grafana, of_the_page, of_the_worker
from tests.bench._report import at_share, spread
from tests.bench._stack import cpu_s, store_alone
from tests.serve.conftest import asking

AT_ONCE = 2_000_000  # rows of an insert, or somewhat more
A_FLUSH = 500  # rows that a worker stores at once
STORE = "infra.embedded.clickhouse"


def main(argv):
    """Run it; with --write put the table into docs/benchmarks.md."""
    parser = options("store", __doc__, rounds=20)
    parser.add_argument("--windows", type=int, default=100_000_000, help="rows, about")
    parser.add_argument("--events", type=int, default=20_000_000, help="rows")
    parser.add_argument("--only", default="", metavar="WORD", help="questions with this in their name")
    chosen = parser.parse_args(argv)
    rows = asyncio.run(_run(chosen))
    about = f"{(__doc__ or '').strip()}\n\n{chosen.windows:,} window rows, {chosen.events:,} events."
    return told("store", about, rows, chosen=chosen)


async def _run(chosen):
    made = Made.of(windows=chosen.windows, events=chosen.events)
    async with store_alone() as settings:
        client = await connect(settings)
        reader = await connect(settings, reader=True)
        with progress("rows") as report:
            await generate(client, made, report)
        events, alerts = ClickHouseEventStore(client), ClickHouseAlertStore(client)
        rows = await _inserts(events)
        async with asking(settings, clock_ms=lambda: END_MS) as page:
            questions = [
                Question("nobody", "the round trip", lambda _n: reader.query(ALIVE)),
                *of_the_page(page, made), *of_grafana(reader), *of_the_worker(events, alerts, made),
            ]  # fmt: skip
            asked = [one for one in questions if chosen.only in one.what]
            with progress("questions") as report:
                for number, question in enumerate(asked):
                    report(number / len(asked), question.what)
                    rows.append(await _answered(question, chosen.rounds))
        await client.close()
        await reader.close()
    return rows


async def generate(client, made, report):
    """All rows of all tables."""
    step = max(1, AT_ONCE // sum(PARTITIONS * HOUR // step for *_, step in generated.series()))
    for first in range(0, made.hours, step):
        hours = min(step, made.hours - first)
        where = {
            "first": first * HOUR, "minutes": hours * HOUR, "partitions": PARTITIONS, "start_ms": made.start_ms,
            "series": list(generated.series()),
        }  # fmt: skip
        for sql in (generated.OLD_ROWS, generated.ROWS, generated.HOURS):
            await client.command(sql, parameters=where)
        report(0.8 * (first + hours) / made.hours, "windows")
    span = {"start_ms": made.start_ms, "span_ms": made.hours * HOUR * MINUTE_MS, "partitions": PARTITIONS}
    for every in (20, 1):
        for first in range(0, made.events, AT_ONCE):
            some = {"first": first, "count": min(AT_ONCE, made.events - first), "events": made.events, "every": every}
            await client.command(generated.EVENTS, parameters=span | some)
    await client.command(generated.ALERTS, parameters=span | {"alerts": 20_000})


async def _inserts(store):
    """Rows a second as a worker stores them: events of the hour to come, the window rows of the last hour once more."""
    into_events, into_windows, offset = [], [], 10**9
    for kind in KINDS:
        for partition in range(PARTITIONS):
            rows = list((await store.restore(kind, RAW[kind], partition, lateness_ms=60 * MINUTE_MS)).rows)
            for first in range(0, len(rows), A_FLUSH):
                some = rows[first : first + A_FLUSH]
                into_windows.append(len(some) / await _took(store, (), some))
                scored = [_scored(kind, partition, offset + n) for n in range(A_FLUSH)]
                into_events.append(len(scored) / await _took(store, scored, ()))
                offset += A_FLUSH
    return [
        {
            "asks": "worker",
            "what": f"{what} stored a second, {A_FLUSH} at once",
            "p50": spread(rates),
            "p95": "",
            "processor": "",
        }
        for what, rates in (("events", into_events), ("window rows", into_windows))
    ]


async def _took(store, events, rows):
    began = time.perf_counter()
    await store.write(events, rows)
    return time.perf_counter() - began


def _scored(kind, partition, offset):
    at_ms = END_MS + offset % (60 * MINUTE_MS)
    event = Event(
        kind=kind, topic=RAW[kind], partition=partition, offset=offset, event_id=f"{kind}-{offset}",
        event_time_ms=at_ms, ingested_ms=at_ms, source="wire", lang="en", text=f"What number {offset} tells of it all",
    )  # fmt: skip
    return Scored(event, Findings(model="generated", sentiment="neutral"))


async def _answered(question, rounds):
    await question.ask(rounds)
    took, used = [], cpu_s(STORE)
    for number in range(rounds):
        began = time.perf_counter()
        await question.ask(number)
        took.append((time.perf_counter() - began) * 1_000)
    used = (cpu_s(STORE) - used) * 1_000 / rounds
    p50, p95 = at_share(took, 0.5), at_share(took, 0.95)
    shown = {"p50": f"{p50:,.0f} ms", "p95": f"{p95:,.0f} ms", "processor": f"{used:,.0f} ms"}
    return {"asks": question.of, "what": question.what} | shown
