"""Weights as whole numbers: which scale a column gets, and which way each weight is rounded.

x86 processors without VNNI multiply uint8 by int8 in pairs, the inputs 2i and 2i + 1 of a column, and add each pair in
16 bits, cutting off what does not fit. So that a bundle answers alike wherever it runs:

1. no weight is beyond `TOP`;
2. the positive weights of a pair add up to `PAIR` at most, and so do the negative ones: 255 * 128 always fits.

Few pairs come near that, so it costs a quarter of the resolution, where halving every weight would cost half.
"""

import numpy as np
from numpy.typing import NDArray

TOP = 127
PAIR = 128
DAMPING = 0.01  # of the mean square of the inputs: keeps the inverse tame where few texts were seen
BLOCK = 64  # inputs whose errors are passed on together

Floats = NDArray[np.float32]
Int8 = NDArray[np.int8]


def column_scales(weight: Floats) -> Floats:
    """float[out] for weight[in, out] (`in` even): the least scales with which nearest rounding keeps 1 and 2."""
    even, odd = weight[0::2], weight[1::2]
    above = (np.maximum(even, 0) + np.maximum(odd, 0)).max(0)
    below = -(np.minimum(even, 0) + np.minimum(odd, 0)).min(0)
    # Each of the two is rounded by a half at most.
    pairs = np.maximum(above, below) / (PAIR - 1)
    peak = np.maximum(pairs, np.abs(weight).max(0) / TOP)
    scales: Floats = np.maximum(peak, 1e-12).astype(np.float32)
    return scales


def compensated(weight: Floats, scale: Floats, second: NDArray[np.float64]) -> Int8:
    """The int8 weights with which inputs of these second moments, float[in, in], give about what `weight` gives.

    One input after the other is rounded, the strongest first, and what is lost is made good by the inputs still to
    come, as far as they go along with it (GPTQ, Frantar et al. 2022).
    """
    count = len(weight)
    order = np.argsort(-np.diag(second), kind="stable")
    left = weight.astype(np.float64)[order]
    damped = second[np.ix_(order, order)] + np.eye(count) * (DAMPING * np.trace(second) / count + 1e-12)
    reach = np.linalg.cholesky(np.linalg.inv(damped)).T
    whole = np.zeros(weight.shape)
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        errors = np.zeros((end - start, weight.shape[1]))
        for at in range(start, end):
            whole[order[at]] = _rounded(left[at] / scale, whole[order[at] ^ 1])
            errors[at - start] = (left[at] - whole[order[at]] * scale) / reach[at, at]
            left[at + 1 : end] -= np.outer(reach[at, at + 1 : end], errors[at - start])
        left[end:] -= reach[start:end, end:].T @ errors
    return whole.astype(np.int8)


def _rounded(wanted: NDArray[np.float64], partner: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole numbers that keep 1 and 2 beside the pair's other weights (0 where those are still to come)."""
    low = np.maximum(-TOP, -PAIR - np.minimum(partner, 0))
    high = np.minimum(TOP, PAIR - np.maximum(partner, 0))
    return np.clip(np.rint(wanted), low, high)
