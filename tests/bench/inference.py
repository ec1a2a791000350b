"""The classifier beside a bare ONNX Runtime loop over the same graph, texts tokenized and sorted beforehand: the limit.

The limit pays for nothing but `session.run`: its texts were prepared, tokenized, sorted by length and cut into runs
before the clock started, and as many threads as there are cores pull the runs from one queue. Ours starts from texts
and ends with readings. The check is that both say the same of every text.
"""

import threading
import time
from collections import deque

import numpy as np

from models import packing
from models.console import progress
from models.runtime import Classifier
from models.text import prepare
from streams.core.template import template_of
from tests.bench._options import options, told
from tests.bench._report import spread
from tests.bench._texts import articles, headlines, log_lines


def main(argv):
    """Run it; with --write put the table into docs/benchmarks.md."""
    parser = options("inference", __doc__, rounds=5)
    parser.add_argument("--texts", type=int, default=300, help="of each set and round")
    chosen = parser.parse_args(argv)
    classifier = Classifier.load(cache=0)
    rows, sets = [], list(_sets(chosen.texts))
    with progress("inference") as report:
        for number, (name, texts) in enumerate(sets):

            def part(done, number=number, name=name):
                report((number + done) / len(sets), name)

            rows.append(_compare(classifier, name, texts, rounds=chosen.rounds, report=part))
    classifier.close()
    return told("inference", __doc__, rows, chosen=chosen)


def _sets(count):
    where, titles = headlines()
    _, lines = log_lines()
    templates = list(dict.fromkeys(map(template_of, lines)))
    yield where, titles[:count]
    yield "log templates", templates[:count]
    where, bodies = articles()
    if bodies:  # each of them takes as long as five or ten headlines
        yield where, bodies[: count // 5]
    half = count // 2
    yield "mixed", [text for pair in zip(titles[-half:], templates[-half:], strict=False) for text in pair]


def _compare(classifier, name, texts, *, rounds, report):
    sessions = [worker.args[0].session for worker in classifier.tools]
    ready = list(_ready(classifier, texts))
    ours, bare = [], []
    for number in range(rounds + 1):
        report(number / (rounds + 1))
        began = time.perf_counter()
        readings = classifier.classify(texts)
        took = time.perf_counter() - began
        began = time.perf_counter()
        logits = _bare(sessions, list(classifier.manifest.labels), ready)
        if number:
            ours.append(len(texts) / took)
            bare.append(len(texts) / (time.perf_counter() - began))
    _check(classifier, readings, ready, logits)
    ratios = [one / limit for one, limit in zip(ours, bare, strict=True)]
    return {
        "texts": f"{len(texts)} of {name}",
        "threads": len(sessions),
        "classifier, texts/s": spread(ours),
        "bare session.run, texts/s": spread(bare),
        "ratio": spread(ratios, "{:.2f}"),
    }


def _ready(classifier, texts):
    """(positions, inputs) of each run."""
    rows = [one.ids for one in classifier.tokenizer.encode_batch_fast([prepare(text) for text in texts])]
    for length, positions in packing.runs([len(row) for row in rows], budget=classifier.tokens_a_run):
        ids = np.full((len(positions), length), classifier.manifest.pad, np.int64)
        mask = np.zeros_like(ids)
        for number, position in enumerate(positions):
            ids[number, : len(rows[position])] = rows[position]
            mask[number, : len(rows[position])] = 1
        yield positions, {"input_ids": ids, "attention_mask": mask}


def _bare(sessions, heads, ready):
    waiting, found = deque(reversed(list(enumerate(ready)))), {}

    def pull(session):
        while waiting:
            try:
                number, (_, inputs) = waiting.popleft()
            except IndexError:
                return
            found[number] = session.run(heads, inputs)

    threads = [threading.Thread(target=pull, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(ready))]


def _check(classifier, readings, ready, logits):
    for (positions, _), answers in zip(ready, logits, strict=True):
        for head, of_head in zip(classifier.manifest.labels, answers, strict=True):
            for position, row in zip(positions, of_head, strict=True):
                said = readings[position].probabilities[head]
                if said[int(np.argmax(row))] < max(said) - 1e-6:
                    raise SystemExit(f"inference: text {position} is read differently under head {head}")
