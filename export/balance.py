"""How strongly each channel of a matrix product's input is scaled down before it is quantized, and its weights up.

A row of int8 has one scale, its greatest value's: a channel that is always great leaves the others few steps. Divided
by a factor of its own, with its weights multiplied by the same, it says what it said (SmoothQuant, Xiao et al. 2022).
The factors are not given by a formula but found: they minimise the error that is to be expected of

    the inputs:  mean square of a row's step * sum over channels of factor^2 * square of their weights
    the weights: sum of the columns' squared scales * sum over channels of (mean square input) / factor^2
"""

import numpy as np
from numpy.typing import NDArray

STEPS = 150
RATE = 0.05
TOLD = 0.5  # of the weights' error, what is left of it after `rounding.compensated`
LEVELS = 127

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def factors(rows: Floats, weight: Floats) -> Floats:
    """float[in], each above zero, for inputs like rows[n, in] of weight[in, out]. A function of its arguments."""
    sizes, strength = np.abs(rows), np.abs(weight)
    logs = np.zeros(len(weight))
    least, best = np.inf, logs
    slope, spread = np.zeros_like(logs), np.zeros_like(logs)
    for step in range(1, STEPS + 1):
        error, way = _error(sizes, strength, np.exp(logs))
        if error < least:
            least, best = error, logs
        slope, spread = 0.9 * slope + 0.1 * way, 0.999 * spread + 0.001 * way**2  # Adam
        pace = RATE * (1 if step < 0.7 * STEPS else 0.3)
        logs = logs - pace * (slope / (1 - 0.9**step)) / (np.sqrt(spread / (1 - 0.999**step)) + 1e-12)
    found: Floats = np.exp(best).astype(np.float32)
    return found


def _error(sizes: Floats, strength: Floats, factor: Doubles) -> tuple[float, Doubles]:
    """The error to expect, and the slope of its logarithm along the logarithm of each factor."""
    width = len(factor)
    loud = factor**2 * (strength.astype(np.float64) ** 2).sum(1)
    steps, at = _peaks(sizes / factor)
    inputs = np.square(steps).mean() * loud.sum()
    inputs_way = loud / loud.sum() - np.bincount(at, steps**2, width) / np.square(steps).sum()
    scales, by = _peaks((strength * factor[:, None]).T)
    quiet = (sizes.astype(np.float64) ** 2).mean(0) / factor**2
    weights = TOLD * np.square(scales).sum() * quiet.sum()
    weights_way = np.bincount(by, scales**2, width) / np.square(scales).sum() - quiet / max(quiet.sum(), 1e-30)
    total = inputs + weights
    return float(total), 2 * (inputs * inputs_way + weights * weights_way) / max(total, 1e-30)


def _peaks(values: Doubles) -> tuple[Doubles, NDArray[np.int64]]:
    """The step of each row, and the position of the value that sets it."""
    at = values.argmax(1)
    return np.maximum(values[np.arange(len(values)), at], 1e-12) / LEVELS, at
