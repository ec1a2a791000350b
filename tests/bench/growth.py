"""What an event costs the worker and how much memory it takes, as events go by and as series become many.

User actions without a text, so that no model is asked. First the same few series for as many events as asked for, told
at each tenfold; then, on a stack of its own each, so many series, one after the other, so that hardly two events of a
batch have a series in common: each event then has window rows of its own. The cost is the worker's processor time, the
memory its resident set. The bar is flat: the second column by events, the third by rows.
"""

import asyncio
import json

from aiokafka import AIOKafkaConsumer, TopicPartition

from models.console import progress
from tests.bench._options import options, told
from tests.bench._stack import PARTITIONS, cpu_s, measure, processes, running

WORKER = "pulsewire worker"
AT_ONCE = 10_000  # events sent, and waited for
AN_HOUR = 50_000  # events of one hour of event time
MOST_EVENTS, MOST_SERIES = 10_000_000, 1_000_000  # what is told as not run where it was not
START_MS = 1_750_000_000_000
FEW = 50  # series
COLUMNS = (
    "after", "processor, µs an event", "window rows an event", "processor, µs an event or row", "memory, MiB",
)  # fmt: skip


def main(argv):
    """Run it; with --write put the table into docs/benchmarks.md."""
    parser = options("growth", __doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="in few series")
    parser.add_argument("--series", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="at once")
    chosen = parser.parse_args(argv)
    with progress("growth") as report:
        rows = asyncio.run(_run(chosen, report))
    rows += left_out(chosen.events, chosen.series)
    return told("growth", __doc__, rows, chosen=chosen)


def left_out(events, series):
    """Rows that say which of the great sizes were not asked for, and how to."""
    sizes = [
        (f"{size:,} events of {FEW} series", f"--events {size}")
        for size in tenfolds(AT_ONCE, MOST_EVENTS)
        if size > events
    ]
    if max(series, default=0) < MOST_SERIES:
        sizes.append((f"{MOST_SERIES:,} series", f"--series {MOST_SERIES}"))
    return [
        dict.fromkeys(COLUMNS, "") | {COLUMNS[0]: what, COLUMNS[1]: f"not run: `{option}`"} for what, option in sizes
    ]


async def _run(chosen, report):
    steps = tenfolds(AT_ONCE, chosen.events)
    total, rows = chosen.events + sum(2 * max(count, AT_ONCE) for count in chosen.series), []
    async with running() as at:
        done = 0
        await _spent(at, done, AT_ONCE, FEW)  # what only the first events cost
        for step in steps:
            spent = await _spent(at, AT_ONCE + done, step - done, FEW)
            done = step
            rows.append(_row(f"{step:,} events of {FEW} series", spent))
            report(done / total, f"{done:,} events")
    for count in chosen.series:
        async with running() as at:
            events = max(count, AT_ONCE)
            await _spent(at, 0, events, count, hour=10 * events)
            rows.append(_row(f"{count:,} series", await _spent(at, events, events, count, hour=10 * events)))
            done += 2 * events
            report(done / total, f"{count:,} series")
    return rows


def tenfolds(first, last):
    """From the first on, ten times as many each, up to the last."""
    found = []
    while first < last:
        found.append(first)
        first *= 10
    return [*found, last]


async def _spent(at, first, events, series, *, hour=AN_HOUR):
    """(events, window rows, processor seconds, resident bytes) of events from this number on."""
    rows, used = await _rows(at), cpu_s(WORKER)
    for number in range(first, first + events, AT_ONCE):
        after = min(number + AT_ONCE, first + events)
        await measure(at, "user", [action(one, series, hour=hour) for one in range(number, after)])
    (worker,) = processes(WORKER)
    return events, await _rows(at) - rows, cpu_s(WORKER) - used, worker.memory_info().rss


def action(number, series, *, hour):
    """What a producer sends: so many keys in turn, so many events an hour."""
    at_ms = START_MS + number * 3_600_000 // hour
    return json.dumps({"ts": at_ms, "user_id": f"u{number % 997}", "action": f"a{number % series}"}).encode()


async def _rows(at):
    """Window rows that were published so far."""
    parts = [TopicPartition("windows", number) for number in range(PARTITIONS)]
    async with AIOKafkaConsumer(bootstrap_servers=at.settings.kafka) as consumer:
        return sum((await consumer.end_offsets(parts)).values())


def _row(what, spent):
    events, rows, used, memory = spent
    shown = (
        what, f"{used / events * 1e6:,.0f}", f"{rows / events:.2f}", f"{used / (events + rows) * 1e6:,.0f}",
        f"{memory / 2**20:,.0f}",
    )  # fmt: skip
    return dict(zip(COLUMNS, shown, strict=True))
