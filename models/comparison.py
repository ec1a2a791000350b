"""Two bundles on the same rows: how far one is ahead, and how much of that may be chance."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.evaluation import Asked

DRAWS = 1_000


class Difference(msgspec.Struct, frozen=True):
    """The first bundle's figure less the second's; 95% of the resampled rows give one in [low, high]."""

    name: str
    head: str
    metric: str
    first: float
    second: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves no doubt which is ahead."""
        return self.low > 0 or self.high < 0


def compare(first: Sequence[Asked], second: Sequence[Asked]) -> list[Difference]:
    """Accuracy and macro-F1, set by set, for sets that both were asked about; resampled by pairs with a fixed seed."""
    others = {one.name: one for one in second}
    found: list[Difference] = []
    for one in first:
        if other := others.get(one.name):
            found += _differences(one, other)
    return found


def _differences(one: Asked, other: Asked) -> list[Difference]:
    names = sorted({answer.row.label for answer in one.answers} | {a.label for a in (*one.answers, *other.answers)})
    truth = _numbers([answer.row.label for answer in one.answers], names)
    said = [_numbers([answer.label for answer in asked.answers], names) for asked in (one, other)]
    chance = np.random.default_rng(0)
    draws = [chance.integers(0, len(truth), len(truth)) for _ in range(DRAWS)]
    made = []
    for metric, of in METRICS.items():
        full = [of(truth, answers, len(names)) for answers in said]
        gaps = [of(truth[d], said[0][d], len(names)) - of(truth[d], said[1][d], len(names)) for d in draws]
        low, high = np.percentile(gaps, [2.5, 97.5])
        figures = (round(float(value), 4) for value in (*full, low, high))
        made.append(Difference(one.name, one.head, metric, *figures))
    return made


def _numbers(labels: Sequence[str], names: Sequence[str]) -> NDArray[np.int64]:
    places = {name: number for number, name in enumerate(names)}
    return np.array([places[label] for label in labels], np.int64)


def _accuracy(truth: NDArray[np.int64], said: NDArray[np.int64], _labels: int) -> float:
    return float((truth == said).mean())


def _macro_f1(truth: NDArray[np.int64], said: NDArray[np.int64], labels: int) -> float:
    right = np.bincount(truth[truth == said], minlength=labels)
    both = np.bincount(truth, minlength=labels) + np.bincount(said, minlength=labels)
    return float((2 * right[both > 0] / both[both > 0]).mean())


METRICS = {"accuracy": _accuracy, "macro_f1": _macro_f1}
