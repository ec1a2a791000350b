"""Whether something grows: a slope that outliers do not move, and how sure of it one may be."""

import math
import statistics

Z_95 = 1.96


def theil_sen(times, values):
    """(slope, low, high): the median of the slopes of all pairs, and its interval of 95% by Kendall's tau.

    The interval takes values for independent of each other; means of some time each come closer to that than samples.
    """
    pairs = [(a, b) for b in range(len(times)) for a in range(b) if times[a] != times[b]]
    if not pairs:
        raise ValueError("a slope needs two moments")
    slopes = sorted((values[b] - values[a]) / (times[b] - times[a]) for a, b in pairs)
    n = len(times)
    strays = Z_95 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low, high = math.floor((len(slopes) - strays) / 2), math.ceil((len(slopes) + strays) / 2)
    return statistics.median(slopes), slopes[max(0, low)], slopes[min(len(slopes) - 1, high)]


def means(times, values, *, every):
    """Mean time and mean value of each stretch of so much time."""
    stretches = {}
    for time, value in zip(times, values, strict=True):
        stretches.setdefault(time // every, []).append((time, value))
    columns = [list(zip(*some, strict=True)) for some in stretches.values()]
    return [statistics.fmean(one[0]) for one in columns], [statistics.fmean(one[1]) for one in columns]
