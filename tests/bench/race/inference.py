"""Texts a second: ours and the peers' readers, each in a process of its own, one after the other in every round."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from models.console import progress
from models.runtime import Classifier
from models.text import prepare
from streams.core.template import template_of
from streams.errors import PulsewireError
from tests.bench._texts import headlines, log_lines
from tests.bench.race.environment import PROGRAMS, environment
from tests.bench.race.score import Entrant, rows, share
from tests.bench.race.terms import Terms

READERS = {
    "pipeline-1": ("transformers pipeline, batch 1", 5.0),
    "pipeline-8": ("transformers pipeline, batch 8", 5.0),
    "pipeline-32": ("transformers pipeline, batch 32", 5.0),
    "bf16": ("torch bf16, batches of like length", 0.0),
    "optimum-1": ("optimum int8 in a pipeline, batch 1", 2.0),
    "optimum-8": ("optimum int8 in a pipeline, batch 8", 2.0),
    "ort": ("onnxruntime int8, batches of like length", 2.0),
    "infinity": ("infinity-emb, torch", 0.0),
}
HEAD = "sentiment"
EXACT = ("pipeline-1", "pipeline-8", "pipeline-32", "bf16", "infinity")  # not quantized
LEAST = 0.95  # of their labels must be as ours, or ours is another model


class Reader:
    """A peer's process: texts in, labels and seconds out."""

    def __init__(self, process: subprocess.Popen[str], name: str, log: Path) -> None:
        self._process, self._name, self._log = process, name, log
        self._heard()

    def __call__(self, texts: list[str]) -> tuple[list[str], dict[str, float]]:
        """Its labels, and what it took, without the way to it and back."""
        self._process.stdin.write(json.dumps(texts) + "\n")
        self._process.stdin.flush()
        said = self._heard()
        return said.pop("labels"), said

    def _heard(self):
        line = self._process.stdout.readline()
        if not line:
            last = (self._log.read_text("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
            raise PulsewireError(f"{self._name} ended: {last}")
        return json.loads(line)


@contextmanager
def started(terms: Terms, name: str) -> Iterator[Reader]:
    """A reader of `reading.py`, warm; gone afterwards."""
    command = [terms.python, PROGRAMS / "answer.py", name, terms.weights]
    log, pipe = terms.folder / f"{name}.log", subprocess.PIPE
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment()) as process,
    ):
        try:
            yield Reader(process, name, log)
        finally:
            process.kill()


def race(terms: Terms) -> list[dict[str, str]]:
    """Every reader on every set of texts, one uncounted round before."""
    wanted = [name for name in READERS if not terms.only or name in terms.only]
    table: list[dict[str, str]] = []
    with ExitStack() as stack, progress("inference") as report:
        readers = {}
        for number, name in enumerate(wanted):
            report(0.2 * number / len(wanted), f"starting {name}")
            readers[name] = stack.enter_context(started(terms, name))
        classifier = Classifier.load(cache=0)
        stack.callback(classifier.close)
        for part, (what, some) in enumerate(_sets(terms.count)):
            field = _Field(classifier, readers, lambda done, note, at=part: report(0.2 + 0.4 * (at + done), note))
            table += field.raced(what, some, terms.rounds)
    return table


class _Field:
    """Ours, the others, and who is told how far it is."""

    def __init__(self, classifier, readers, report):
        self._classifier, self._readers, self._report = classifier, readers, report

    def raced(self, what, texts, rounds):
        ours = Entrant("Pulsewire, all heads")
        others = {name: Entrant(READERS[name][0], bar=READERS[name][1]) for name in self._readers}
        for number in range(rounds + 1):  # the first does not count
            labels, took = self._ours(texts)
            found = self._theirs(texts, lambda note, number=number: self._report(number / (rounds + 1), note))
            for name, (theirs, _) in found.items():
                others[name].agrees = share(theirs, labels)
            if number:
                ours.ran(len(texts), **took)
                for name, (_, theirs) in found.items():
                    others[name].ran(len(texts), **theirs)
        _check(others)
        return rows(what, ours, list(others.values()))

    def _ours(self, texts):
        began, used = time.perf_counter(), time.process_time()
        readings = self._classifier.classify(texts)
        took = {"seconds": time.perf_counter() - began, "processor_s": time.process_time() - used}
        return [_label(self._classifier, reading) for reading in readings], took

    def _theirs(self, texts, report):
        prepared, found = [prepare(text) for text in texts], {}
        for name, read in self._readers.items():
            report(name)
            found[name] = read(prepared)
        return found


def _label(classifier, reading):
    shares = reading.probabilities[HEAD]
    return classifier.manifest.labels[HEAD][shares.index(max(shares))]


def _check(others):
    for name, other in others.items():
        if name in EXACT and other.agrees < LEAST:
            raise PulsewireError(
                f"{other.name} says what the bundle says of {other.agrees:.0%} of the texts: the bundle is not of this"
                " run. Name the bundle's run with --run, or the run's bundle with PULSEWIRE_BUNDLE"
            )


def _sets(count):
    where, titles = headlines()
    _, lines = log_lines()
    templates = list(dict.fromkeys(map(template_of, lines)))
    half = count // 2
    yield f"{count} {where}", titles[:count]
    yield (
        f"{2 * half} headlines and log templates",
        [text for pair in zip(titles[-half:], templates[-half:], strict=False) for text in pair],
    )
