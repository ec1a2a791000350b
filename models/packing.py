"""Which texts of a batch run together.

1. Every text is padded to the next multiple of `STEP` above its own length, so that its padding never depends on its
   company: with row-scaled int8 its answer then has the same bits alone and in any batch.
2. A run holds texts of one padded length, at most `budget` padded tokens (or one text).
3. Every text is in exactly one run.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

STEP = 8
BUDGET = 256  # padded tokens a run: the best of 128 to 256 on CPUs


def padded(length: int) -> int:
    """The length that a text of `length` tokens is padded to."""
    return -(-length // STEP) * STEP


def chunks(lengths: Sequence[int], *, most: int, letters: int) -> Iterator[slice]:
    """Which texts, of these lengths in characters, one worker takes at once: at most so many, and so long together.

    By their number alone one worker would have all articles of a batch, and the others wait for it.
    """
    start = together = 0
    for number, length in enumerate(lengths):
        if number > start and (number - start >= most or together + length > letters):
            yield slice(start, number)
            start, together = number, 0
        together += length
    if start < len(lengths):
        yield slice(start, len(lengths))


def runs(lengths: Sequence[int], *, budget: int = BUDGET) -> Iterator[tuple[int, list[int]]]:
    """(padded length, positions in `lengths`) for each run, short texts first."""
    order = sorted(range(len(lengths)), key=lambda position: lengths[position])
    for length, group in groupby(order, key=lambda position: padded(lengths[position])):
        positions = list(group)
        size = max(1, budget // length)
        for start in range(0, len(positions), size):
            yield length, positions[start : start + size]
