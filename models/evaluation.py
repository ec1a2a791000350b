"""How good a bundle is, set by set, on the rows that no training run sees."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from models.console import Report
from models.datasets.dataset import Dataset, sample
from models.manifest import Manifest
from models.reading import Reading

CALL = 256  # texts a call


class Reads(Protocol):
    """A classifier, as far as it is measured here."""

    manifest: Manifest

    def classify(self, texts: Sequence[str]) -> list[Reading]:
        """One reading a text, in order."""


class LabelReport(msgspec.Struct, frozen=True):
    """How well one label is found; precision, recall and f1 are 0 where they are not defined."""

    label: str
    rows: int
    precision: float
    recall: float
    f1: float


class SetReport(msgspec.Struct, frozen=True):
    """A set's figures. `macro_f1` is the mean over the labels that occur as truth or as answer."""

    name: str
    head: str
    rows: int
    accuracy: float
    macro_f1: float
    tokens: float  # mean of a text
    texts_per_s: float
    labels: tuple[LabelReport, ...]


def evaluate(
    classifier: Reads, sets: Sequence[Dataset], data: Path, *, limit: int | None = None, report: Report
) -> list[SetReport]:
    """Every set's figures, on `limit` of its test rows; `DatasetError` when one cannot be read."""
    splits = [sample(one.load(data).test, limit) for one in sets]
    total, done = sum(map(len, splits)), 0
    reports = []
    for one, rows in zip(sets, splits, strict=True):
        answers, tokens, started = [], 0, time.perf_counter()
        names = classifier.manifest.labels[one.head]
        for start in range(0, len(rows), CALL):
            readings = classifier.classify([row.text for row in rows[start : start + CALL]])
            for reading in readings:
                shares = reading.probabilities[one.head]
                answers.append(names[shares.index(max(shares))])
                tokens += reading.tokens
            done += len(readings)
            report(done / total, one.name)
        seconds = time.perf_counter() - started
        labels = figures([row.label for row in rows], answers, names)
        reports.append(_set(one, labels, len(rows), tokens=tokens, seconds=seconds))
    return reports


def figures(truth: Sequence[str], answers: Sequence[str], names: Sequence[str]) -> tuple[LabelReport, ...]:
    """Precision, recall and F1 of each label that occurs."""
    reports = []
    pairs = list(zip(truth, answers, strict=True))
    for name in names:
        right = sum(one == name == other for one, other in pairs)
        given, found = sum(one == name for one, _ in pairs), sum(other == name for _, other in pairs)
        if given or found:
            precision, recall = right / found if found else 0.0, right / given if given else 0.0
            f1 = 2 * right / (given + found)
            reports.append(LabelReport(name, given, round(precision, 4), round(recall, 4), round(f1, 4)))
    return tuple(reports)


def _set(one: Dataset, labels: tuple[LabelReport, ...], rows: int, *, tokens: int, seconds: float) -> SetReport:
    return SetReport(
        name=one.name,
        head=one.head,
        rows=rows,
        accuracy=round(sum(label.recall * label.rows for label in labels) / rows, 4),
        macro_f1=round(sum(label.f1 for label in labels) / len(labels), 4),
        tokens=round(tokens / rows, 1),
        texts_per_s=round(rows / seconds, 1),
        labels=labels,
    )
