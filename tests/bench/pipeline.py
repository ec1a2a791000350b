"""Events a second from topic to tables by kind, with one worker, beside the bare classifier on the same texts.

Every round sends texts that no round before has sent, so that nothing comes from the memory of answers but what repeats
within a feed (log templates). The worker and the bare classifier take turns, on the same cores.
"""

import argparse
import asyncio
import json
import tempfile
import time
from itertools import islice
from pathlib import Path

import httpx
from aiokafka import AIOKafkaProducer

from infra.embedded.ports import free_port
from infra.embedded.stack import Stack
from infra.init import initialise
from infra.up import program_part
from models.runtime import Classifier
from streams.core.template import template_of
from streams.settings import load_settings
from tests.bench._report import spread, write
from tests.bench._texts import headlines, log_lines

TOPICS = {"news": "news.raw", "logs": "logs.raw", "user": "user.events"}


def main(argv):
    """Run it; with --write put the table into docs/benchmarks.md."""
    options = argparse.ArgumentParser(prog="pulsewire bench pipeline", description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--events", type=int, default=2_000, help="of each kind and round")
    options.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    chosen = options.parse_args(argv)
    rows = asyncio.run(_run(chosen.rounds, chosen.events))
    if chosen.write:
        write("pipeline", (__doc__ or "").strip(), rows)
    return rows


async def _run(rounds, events):
    news_from, titles = headlines()
    logs_from, lines = log_lines()
    classifier = Classifier.load(cache=0)
    rates = {kind: [] for kind in TOPICS}
    bare = {"news": [], "logs": []}
    with tempfile.TemporaryDirectory() as folder:
        async with Stack(Path(folder) / "stack", say=lambda _: None) as stack:
            port = await _worker(stack, folder)
            feeds = {"news": iter(titles), "logs": iter(lines)}
            for number in range(rounds):
                texts = {kind: list(islice(feed, events)) for kind, feed in feeds.items()}
                for kind in TOPICS:
                    payloads = list(_payloads(kind, texts.get(kind), number, events))
                    rates[kind].append(await _measure(stack, port, kind, payloads))
                    if kind in bare and texts[kind]:
                        bare[kind].append(await asyncio.to_thread(_bare, classifier, kind, texts[kind]))
    return [
        _row("news", news_from, rates["news"], bare["news"]),
        _row("logs", logs_from, rates["logs"], bare["logs"]),
        _row("user", "views, no text", rates["user"], None),
    ]


def _row(kind, texts, rates, bare):
    ratio = [rate / limit for rate, limit in zip(rates, bare, strict=True)] if bare else None
    return {
        "kind": kind,
        "texts": texts,
        "events/s, topic to tables": spread(rates),
        "bare classifier, texts/s": spread(bare) if bare else "",
        "ratio": spread(ratio, "{:.2f}") if ratio else "",
    }


async def _worker(stack, folder):
    await initialise(load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse))
    port = free_port()
    env = {
        "PULSEWIRE_KAFKA": stack.addresses.kafka,
        "PULSEWIRE_CLICKHOUSE": stack.addresses.clickhouse,
        "PULSEWIRE_DATA_DIR": folder,
        "PULSEWIRE_METRICS_PORT": str(port),
    }
    await stack.supervisor.add(program_part("worker", "worker", env=env, ready_url=f"http://127.0.0.1:{port}/readyz"))
    return port


def _payloads(kind, texts, number, events):
    start_ms = 1_750_000_000_000 + number * 3_600_000
    for i, text in enumerate(texts if texts is not None else [None] * events):
        ts = start_ms + i * 3_600_000 // events
        fields = {
            "news": {"source": "wire", "title": text},
            "logs": {"service": f"s{i % 7}", "message": text},
            "user": {"user_id": f"u{i % 997}", "action": ("view", "search", "buy")[i % 3], "item_id": f"i{i % 499}"},
        }[kind]
        yield json.dumps({"id": f"{kind}-{number}-{i}", "ts": ts} | fields).encode()


async def _measure(stack, port, kind, payloads):
    """Events a second from the first one sent to the last one stored, published and acknowledged to itself."""
    async with AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka, linger_ms=5) as producer:
        before = await _stored(port, kind)
        began = time.perf_counter()
        sent = [await producer.send(TOPICS[kind], value=payload, partition=i % 4) for i, payload in enumerate(payloads)]
        await asyncio.gather(*sent)
        while await _stored(port, kind) - before < len(payloads):  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.05)
    return len(payloads) / (time.perf_counter() - began)


async def _stored(port, kind):
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    wanted = f'pulsewire_events_total{{kind="{kind}",outcome="stored"}} '
    return next((float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted)), 0.0)


def _bare(classifier, kind, texts):
    """The classifier alone, on what the worker has it read: of log lines each template once."""
    readable = list(dict.fromkeys(map(template_of, texts))) if kind == "logs" else texts
    began = time.perf_counter()
    classifier.classify(readable)
    return len(texts) / (time.perf_counter() - began)
