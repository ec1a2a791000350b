"""Events a second from topic to tables by kind, with one worker, beside the bare classifier on the same texts.

Every round sends texts that no round before has sent, so that nothing comes from the memory of answers but what repeats
within a feed (log templates). The worker and the bare classifier take turns, on the same cores. A first round warms up
and does not count.
"""

import asyncio
import time
from itertools import islice

from models.console import progress
from models.runtime import Classifier
from streams.core.template import template_of
from tests.bench._options import options, told
from tests.bench._report import spread
from tests.bench._stack import TOPICS, measure, payloads, running
from tests.bench._texts import endless, headlines, log_lines


def main(argv):
    """Run it; with --write put the table into docs/benchmarks.md."""
    parser = options("pipeline", __doc__, rounds=5)
    parser.add_argument("--events", type=int, default=1_500, help="of each kind and round")
    chosen = parser.parse_args(argv)
    with progress("pipeline") as report:
        rows = asyncio.run(_run(chosen.rounds, chosen.events, report))
    return told("pipeline", __doc__, rows, chosen=chosen)


async def _run(rounds, events, report):
    news_from, titles = headlines()
    logs_from, lines = log_lines()
    classifier = Classifier.load(cache=0)
    rates = {kind: [] for kind in TOPICS}
    bare = {"news": [], "logs": []}
    feeds = {"news": endless(titles), "logs": endless(lines)}
    async with running() as at:
        for number in range(rounds + 1):  # the first does not count
            report(number / (rounds + 1), f"round {number}" if number else "warming up")
            texts = {kind: list(islice(feed, events)) for kind, feed in feeds.items()}
            for kind in TOPICS:
                sent = list(payloads(kind, texts.get(kind), number, events))
                rate = await measure(at, kind, sent)
                limit = await asyncio.to_thread(_bare, classifier, kind, texts[kind]) if kind in bare else None
                if number:
                    rates[kind].append(rate)
                    if limit:
                        bare[kind].append(limit)
    classifier.close()
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


def _bare(classifier, kind, texts):
    """The classifier alone, on what the worker has it read: of log lines each template once."""
    readable = list(dict.fromkeys(map(template_of, texts))) if kind == "logs" else texts
    began = time.perf_counter()
    classifier.classify(readable)
    return len(texts) / (time.perf_counter() - began)
