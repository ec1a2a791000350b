"""How good a bundle is, set by set, on the rows that no training run sees."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from models import figures as counted
from models.calibration import Bin, reliability
from models.console import Report
from models.datasets.dataset import Dataset, Example, sample
from models.datasets.own import require_labels
from models.errors import DatasetError
from models.figures import Answer, LabelReport, SliceReport
from models.heads import Choice, Head, declared
from models.manifest import Manifest
from models.reading import Reading

CALL = 256  # texts a call


class Reads(Protocol):
    """A classifier, as far as it is measured here."""

    manifest: Manifest

    def classify(self, texts: Sequence[str]) -> list[Reading]:
        """One reading a text, in order."""


class Asked(msgspec.Struct, frozen=True):
    """A set's held-out rows with a bundle's answers."""

    name: str
    head: str
    answers: tuple[Answer, ...]
    tokens: int
    seconds: float
    choice: Choice | None = None


class SetReport(msgspec.Struct, frozen=True):
    """A set's figures. `macro_f1` is the mean over the labels that occur as truth or as answer."""

    name: str
    head: str
    rows: int
    accuracy: float
    macro_f1: float
    ece: float  # expected calibration error
    auc: float | None  # of the labels that the head's declaration sets against each other
    sure: float  # the share of answers that count as sure
    sure_accuracy: float  # of those
    tokens: float  # mean of a text
    texts_per_s: float
    labels: tuple[LabelReport, ...]
    confusion: dict[str, dict[str, int]]  # truth -> answer -> rows
    slices: tuple[SliceReport, ...]
    bins: tuple[Bin, ...] = ()  # how often answers of a share are right


def evaluate(
    classifier: Reads, sets: Sequence[Dataset], data: Path, *, limit: int | None = None, report: Report
) -> list[SetReport]:
    """Every set's figures, on `limit` of its test rows; `DatasetError` when one cannot be read."""
    asked = ask(classifier, sets, data, limit=limit, report=report)
    return [figures(one, classifier.manifest) for one in asked]


def ask(
    classifier: Reads, sets: Sequence[Dataset], data: Path, *, limit: int | None = None, report: Report
) -> list[Asked]:
    """The answers to the test rows of each set that has some and whose head the bundle has.

    Raises:
        DatasetError: a set cannot be read, or a user's has a head or a label that the bundle lacks.
    """
    known = [one for one in sets if one.measured and _has_head(classifier.manifest, one)]
    splits = [sample(one.load(data).test, limit) for one in known]
    for one, rows in zip(known, splits, strict=True):
        require_labels(tuple(rows), classifier.manifest.labels[one.head], path=one.source, head=one.head)
    total, done, asked = sum(map(len, splits)), 0, []
    for one, rows in zip(known, splits, strict=True):
        started, answers, tokens = time.perf_counter(), [], 0
        for start in range(0, len(rows), CALL):
            some = rows[start : start + CALL]
            readings = classifier.classify([row.text for row in some])
            answers += answered(some, readings, classifier.manifest, one.head)
            tokens += sum(reading.tokens for reading in readings)
            done += len(some)
            report(done / total, one.name)
        asked.append(Asked(one.name, one.head, tuple(answers), tokens, time.perf_counter() - started, one.choice))
    return asked


def _has_head(manifest: Manifest, one: Dataset) -> bool:
    if one.own and one.head not in manifest.labels:
        msg = f"{manifest.name} has no head {one.head!r} for {one.source}, but {', '.join(manifest.labels)}"
        raise DatasetError(msg)
    return one.head in manifest.labels


def answered(rows: Sequence[Example], readings: Sequence[Reading], manifest: Manifest, head: str) -> list[Answer]:
    """What the bundle says of each row, beside what is so."""
    names = manifest.labels[head]
    return [
        Answer(row, names[shares.index(max(shares))], max(shares), dict(zip(names, shares, strict=True)))
        for row, shares in zip(rows, (reading.probabilities[head] for reading in readings), strict=True)
    ]


def figures(asked: Asked, manifest: Manifest) -> SetReport:
    """A set's figures from its answers."""
    rows, names = asked.answers, manifest.labels[asked.head]
    sure = [one for one in rows if one.share >= manifest.sure.get(asked.head, 0.0)]
    head = _head(asked, manifest)
    total = counted.whole(rows, head)
    return SetReport(
        name=asked.name,
        head=asked.head,
        rows=len(rows),
        accuracy=total.accuracy,
        macro_f1=total.macro_f1,
        ece=total.ece,
        auc=total.auc,
        sure=round(len(sure) / len(rows), 4),
        sure_accuracy=counted.accuracy(sure),
        tokens=round(asked.tokens / len(rows), 1),
        texts_per_s=round(len(rows) / asked.seconds, 1),
        labels=counted.by_label(rows, names),
        confusion=counted.confusion(rows, names),
        slices=counted.slices(rows, head),
        bins=reliability([one.share for one in rows], [one.right for one in rows]),
    )


def _head(asked: Asked, manifest: Manifest) -> Head:
    """The head with the bundle's labels, and what is told apart in this set."""
    known = declared().get(asked.head, Head({}))
    labels = dict.fromkeys(manifest.labels[asked.head], "")
    return msgspec.structs.replace(known, labels=labels, choice=asked.choice or known.choice)
