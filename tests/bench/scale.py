"""One worker and two on this machine, what an event costs by stage, and on paper what many workers would need.

The stages are the processor time of worker, broker and store for an event, and within the worker the time from asking
the model to its answer and from storing to published, in which it may wait for others. All share this machine's cores,
so two workers are twice as fast only where there are cores enough. The check is that every event is counted as stored.
"""

import asyncio
from itertools import cycle, islice

from models.console import progress
from tests.bench import _model
from tests.bench._options import options, told
from tests.bench._report import spread, table
from tests.bench._stack import cpu_s, measure, payloads, running
from tests.bench._texts import endless, headlines, log_lines

PARTS = {"worker": "pulsewire worker", "broker": "kafka.Kafka", "store": "infra.embedded.clickhouse"}
TOLD = {"model": "pulsewire_inference_seconds_sum", "flush": "pulsewire_flush_seconds_sum"}
FLUSHES = "pulsewire_flush_seconds_count"
WORKERS = (1, 2)
MODELLED = "logs"  # whose costs the model on paper takes: a model's answers and the memory of answers both count
KINDS = {"user": "views, no text", "logs": "log lines", "news": "headlines, each new"}


def main(argv):
    """Run it; with --write put the tables into docs/benchmarks.md."""
    parser = options("scale", __doc__, rounds=5)
    parser.add_argument("--events", type=int, default=10_000, help="of each kind and round; of news a tenth")
    chosen = parser.parse_args(argv)
    with progress("scale") as report:
        measured = asyncio.run(_run(chosen, report))
    rows = [_row(workers, kind, took) for (workers, kind), took in measured.items()]
    about = f"{(__doc__ or '').strip()}\n\n{on_paper(cost_of(measured[1, MODELLED]))}"
    print(on_paper(cost_of(measured[1, MODELLED])))
    return told("scale", about, rows, chosen=chosen)


async def _run(chosen, report):
    found, done = {}, 0
    for workers in WORKERS:
        async with running(workers=workers) as at:
            feeds = {"news": endless(headlines()[1]), "logs": cycle(log_lines()[1])}
            for number in range(chosen.rounds + 1):
                for kind in KINDS:
                    events = chosen.events // 10 if kind == "news" else chosen.events
                    texts = list(islice(feeds[kind], events)) if kind in feeds else None
                    sent = list(payloads(kind, texts, number, len(texts or range(events))))
                    took = await _spent(at, kind, sent)
                    if number:  # in the first round, models and plans are warmed up
                        found.setdefault((workers, kind), []).append(took)
                    done += 1
                    report(done / (len(WORKERS) * len(KINDS) * (chosen.rounds + 1)), f"{workers} with {kind}")
    return found


async def _spent(at, kind, sent):
    """What these events took, of each: events a second, seconds of each part and stage, bytes, inserts."""
    before = await asyncio.to_thread(_standing, at)
    rate = await measure(at, kind, sent)
    after = await asyncio.to_thread(_standing, at)
    return {name: (after[name] - before[name]) / len(sent) for name in after} | {"rate": rate}


def _standing(at):
    parts = {name: cpu_s(word) for name, word in PARTS.items()}
    stages = {name: at.metric(metric) for name, metric in TOLD.items()}
    kept = sum(file.stat().st_size for file in (at.folder / "kafka").rglob("*.log"))
    return parts | stages | {"bytes": kept, "inserts": 2 * at.metric(FLUSHES)}


def _row(workers, kind, took):
    def micros(name):
        return spread([one[name] * 1e6 for one in took])

    return {
        "workers": workers,
        "events": KINDS[kind],
        "events/s": spread([one["rate"] for one in took]),
        "worker, µs": micros("worker"),
        "of it asking the model, µs": micros("model"),
        "of it storing and publishing, µs": micros("flush"),
        "broker, µs": micros("broker"),
        "store, µs": micros("store"),
    }


def cost_of(took):
    """What the model on paper needs to know: the middle of the rounds."""

    def middle(name):
        return sorted(one[name] for one in took)[len(took) // 2]

    return _model.Cost(
        worker_s=middle("worker"), broker_s=middle("broker"), store_s=middle("store"), broker_bytes=middle("bytes"),
        inserts=middle("inserts"),
    )  # fmt: skip


def on_paper(cost):
    """The model in words and as a table."""
    parts = {"worker": cost.worker_s, "broker": cost.broker_s, "store": cost.store_s}
    spent = ", ".join(f"{seconds * 1e6:,.0f} µs of the {part}" for part, seconds in parts.items())
    return (
        f"On paper, from what one of the {KINDS[MODELLED]} costs with one worker: {spent}, {cost.broker_bytes:,.0f} "
        f"bytes of Kafka's log, an insert for {1 / cost.inserts:,.0f} events. Each worker has a core and a partition "
        f"of each topic.\nA broker has {_model.BROKER_CORES} cores and a shard {_model.STORE_CORES}, half of them for "
        f"this; Kafka keeps {_model.COPIES} copies, and a broker takes {_model.BROKER_BYTES / 1e6:,.0f} MB/s of them; "
        f"a shard takes {_model.INSERTS} inserts\na second. These four are assumed, and nothing was tried at that "
        "size. What gives first is what is farthest beyond one machine or the settings' limit.\n\n"
        f"{table(_model.rows(cost))}"
    )
