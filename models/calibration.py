"""How far a head's shares can be taken for probabilities, and what makes them so.

A temperature divides a head's logits before the softmax. It changes no label, only how sure the head says it is. It is
found on validation rows, stands in the manifest, and is applied by the runtime.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15
COLDEST, HOTTEST = 0.1, 50.0
TINY = 1e-7
_GOLDEN = (math.sqrt(5) - 1) / 2


def logits_of(shares: ArrayLike) -> NDArray[np.float64]:
    """Logits that give these shares, as far as rounded shares tell."""
    found: NDArray[np.float64] = np.log(np.maximum(np.asarray(shares, np.float64), TINY))
    return found


def temperature(
    logits: NDArray[np.float64], truth: Sequence[int], *, smoothing: float = 0.0, hottest: float = HOTTEST
) -> float:
    """The temperature under which the true labels are likeliest; 1 without rows.

    With `smoothing` so large a share of the truth is said to lie evenly among all labels: where each row is right, no
    temperature is cold enough else.
    """
    if not len(truth):
        return 1.0
    wanted = np.full(logits.shape, smoothing / logits.shape[1])
    wanted[np.arange(len(truth)), truth] += 1 - smoothing
    low, high = math.log(COLDEST), math.log(hottest)
    while high - low > 1e-4:  # the loss has one valley in the logarithm
        step = _GOLDEN * (high - low)
        if _loss(logits, wanted, math.exp(high - step)) < _loss(logits, wanted, math.exp(low + step)):
            high = low + step
        else:
            low = high - step
    return round(math.exp((low + high) / 2), 3)


def _loss(logits: NDArray[np.float64], wanted: NDArray[np.float64], heat: float) -> float:
    scaled = logits / heat
    scaled -= scaled.max(1, keepdims=True)
    return float((np.log(np.exp(scaled).sum(1)) - (scaled * wanted).sum(1)).mean())


def tempered(logits: NDArray[np.float64], heat: float) -> NDArray[np.float64]:
    """The shares at this temperature."""
    powers = np.exp((logits - logits.max(1, keepdims=True)) / heat)
    made: NDArray[np.float64] = powers / powers.sum(1, keepdims=True)
    return made


class Bin(msgspec.Struct, frozen=True):
    """The answers whose share lies in one of `BINS` bins of equal width."""

    at: int  # which one, from 0
    rows: int
    share: float  # their mean
    right: float  # what part of them is right


def reliability(confidence: Sequence[float], right: Sequence[bool]) -> tuple[Bin, ...]:
    """The bins that hold an answer, in order."""
    sure, hit = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(at, int(inside.sum()), round(float(sure[inside].mean()), 4), round(float(hit[inside].mean()), 4))
        for at in range(BINS)
        if (inside := places == at).any()
    )


def together(bins: Iterable[Bin]) -> tuple[Bin, ...]:
    """The bins of several sets as one: each bin once, its means weighed by rows."""
    by_place: dict[int, list[Bin]] = {}
    for one in bins:
        by_place.setdefault(one.at, []).append(one)
    return tuple(_mean(some) for _at, some in sorted(by_place.items()))


def _mean(bins: Sequence[Bin]) -> Bin:
    rows = sum(one.rows for one in bins)
    share, right = (sum(one.rows * value for one, value in zip(bins, values, strict=True)) / rows
                    for values in ([one.share for one in bins], [one.right for one in bins]))  # fmt: skip
    return Bin(bins[0].at, rows, round(share, 4), round(right, 4))


def expected_error(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: how far confidence and accuracy lie apart, over `BINS` bins of equal width."""
    if not confidence:
        return 0.0
    sure, hit = np.asarray(confidence), np.asarray(right, np.float64)
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(sure[places == at].sum() - hit[places == at].sum()) for at in range(BINS)]
    return round(float(sum(gaps)) / len(sure), 4)


def sure_from(confidence: Sequence[float], right: Sequence[bool], *, share: float) -> float:
    """The least confidence from which on this share of the answers is right; 1 where there is none."""
    best, hits = 1.0, 0
    ranked = sorted(zip(confidence, right, strict=True), reverse=True)
    for number, (sure, hit) in enumerate(ranked, 1):
        hits += hit
        last_of_its_kind = number == len(ranked) or ranked[number][0] < sure
        if last_of_its_kind and hits >= share * number:
            best = sure
    return min(1.0, max(TINY, round(best, 4)))
