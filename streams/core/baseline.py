"""What a series usually does: the median of its own past, and a spread that outliers do not move."""

from collections.abc import Sequence
from math import sqrt
from typing import Final

import msgspec

MAD_TO_SIGMA: Final = 1.4826  # of a normal distribution
TAIL: Final = 0.9


class Baseline(msgspec.Struct, frozen=True):
    """The usual value of a series, how far it strays, and what nine in ten of its values stay under.

    Of one that is mostly zero, nine in ten of the others: what comes once an hour is usual for its hour.
    """

    median: float
    scale: float
    tail: float

    def z(self, value: float) -> float:
        """How many scales the value lies above the usual one."""
        return (value - self.median) / self.scale


def of_counts(counts: Sequence[int]) -> Baseline:
    """The baseline of counts. Its scale is at least a Poisson's, so that a constant series has one too."""
    ordered = sorted(counts)
    usual = _middle(ordered)
    scale = max(spread(counts, around=usual), sqrt(max(usual, 1.0)))
    busy = ordered if usual else [count for count in ordered if count] or [0]
    return Baseline(median=usual, scale=scale, tail=busy[min(int(len(busy) * TAIL), len(busy) - 1)])


def spread(values: Sequence[float], *, around: float | None = None) -> float:
    """The median distance from the median, as a standard deviation."""
    centre = _middle(sorted(values)) if around is None else around
    return MAD_TO_SIGMA * _middle(sorted(abs(value - centre) for value in values))


def _middle(ordered: Sequence[float]) -> float:
    half, odd = divmod(len(ordered), 2)
    return float(ordered[half]) if odd else (ordered[half - 1] + ordered[half]) / 2
