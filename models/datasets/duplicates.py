"""Texts that are the same, or nearly: what must not stand on two sides of a split.

1. `key` is equal for texts that differ only in links, digits, case, punctuation and spaces.
2. `near` finds, for texts that differ by a few words, those whose sets of word triples (of character triples where a
   text is Chinese or short) overlap by `LEAST` or more: candidates by MinHash, each of them then compared exactly. A
   pair just above `LEAST` is missed now and then, as the sketches are of 32 numbers; which ones does not vary.
3. `groups` puts two such texts into one group, and with them whatever links them. It holds each text against the
   `NEIGHBOURS` candidates of a band that are next to it by their keys, so that it ends in seconds whatever the texts.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

LEAST = 0.8
BANDS, ROWS = 8, 4
NEIGHBOURS = 32
WORDS_ENOUGH = 6  # a text of fewer words is cut into characters

_LINK = re.compile(r"https?://\S+|\bhttps?\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_OTHER = re.compile(r"[^\w]+")
_PRIME = 4_294_967_311
_DRAWN = np.random.default_rng(0)
_FACTORS = _DRAWN.integers(1, 2**31, BANDS * ROWS, dtype=np.uint64)
_SHIFTS = _DRAWN.integers(0, 2**31, BANDS * ROWS, dtype=np.uint64)


def key(text: str) -> str:
    """What is left of a text without its links, digits, case and punctuation."""
    bare = _DIGITS.sub("0", _LINK.sub(" ", text)).casefold()
    return " ".join(_OTHER.sub(" ", bare).split())


def shingles(text: str) -> frozenset[int]:
    """The text's triples of words or of characters, as numbers."""
    words = key(text).split()
    parts: Sequence[str] = words if len(words) >= WORDS_ENOUGH else " ".join(words)
    if len(parts) <= 3:
        return frozenset({crc32(" ".join(parts).encode())})
    return frozenset(crc32(" ".join(parts[at : at + 3]).encode()) for at in range(len(parts) - 2))


def near(texts: Sequence[str], others: Iterable[str]) -> list[int]:
    """Positions of those `texts` that are the same as one of `others`, or nearly."""
    known = _known(tuple(dict.fromkeys(others)))
    return [at for at, text in enumerate(texts) if known.meets(text)]


def groups(texts: Sequence[str]) -> list[int]:
    """For each text the first position of its group."""
    sets, keys = [shingles(text) for text in texts], [key(text) for text in texts]
    first, members = list(range(len(texts))), [[at] for at in range(len(texts))]
    for at, other in _candidates(sets, sorted(first, key=keys.__getitem__)):
        if first[at] != first[other] and _alike(sets[at], sets[other]):
            into, gone = sorted((first[at], first[other]))
            for one in members[gone]:
                first[one] = into
            members[into] += members[gone]
    return first


def _candidates(sets: Sequence[frozenset[int]], order: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of one band. Of a template's thousands that are not near enough, each meets those just before it alone."""
    bands: dict[tuple[int, bytes], deque[int]] = {}
    for at in order:
        for band in _bands(sets[at]):
            before = bands.setdefault(band, deque(maxlen=NEIGHBOURS))
            yield from ((at, other) for other in before)
            before.append(at)


def _alike(one: frozenset[int], other: frozenset[int]) -> bool:
    return len(one & other) >= LEAST * len(one | other)


class _Known:
    """Texts, found by what is nearly the same."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._keys = {key(text) for text in texts}
        self._sets = [shingles(text) for text in texts]
        self._bands: dict[tuple[int, bytes], list[int]] = {}
        for number, one in enumerate(self._sets):
            for band in _bands(one):
                self._bands.setdefault(band, []).append(number)

    def meets(self, text: str) -> bool:
        if key(text) in self._keys:
            return True
        one = shingles(text)
        candidates = {number for band in _bands(one) for number in self._bands.get(band, ())}
        return any(_alike(one, self._sets[at]) for at in candidates)


@lru_cache(2)  # every set is held against the same texts, between others, and to sort them in takes seconds
def _known(texts: tuple[str, ...]) -> _Known:
    return _Known(texts)


def _bands(one: frozenset[int]) -> list[tuple[int, bytes]]:
    sketch = _sketch(np.fromiter(one, np.uint64, len(one)))
    return [(band, sketch[band * ROWS : (band + 1) * ROWS].tobytes()) for band in range(BANDS)]


def _sketch(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed: NDArray[np.uint64] = (numbers[:, None] * _FACTORS + _SHIFTS) % np.uint64(_PRIME)
    least: NDArray[np.uint64] = mixed.min(0)
    return least
