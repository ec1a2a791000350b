"""A bounded memory of answers: the least recently used one goes first.

A key is the text's digest and an answer is packed, so that 100,000 of them take about 50 MB whatever their texts.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from models.text import MAX_CHARACTERS


def key_of(text: str) -> bytes:
    """What stands for a text: 16 bytes of the part that is read at all."""
    return hashlib.blake2b(text[:MAX_CHARACTERS].encode("utf-8", "surrogatepass"), digest_size=16).digest()


class AnswerCache:
    """Packed answers by text key. Every method may be called from any thread."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.hits = 0
        self.misses = 0
        self.told: Callable[[int, int], None] = lambda _hits, _misses: None  # of each `get`: hits and misses
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The answers that are known; each of `keys` counts as a hit or a miss."""
        found: dict[bytes, bytes] = {}
        with self._lock:
            for key in keys:
                answer = self._answers.get(key)
                if answer is None:
                    self.misses += 1
                else:
                    self.hits += 1
                    self._answers.move_to_end(key)
                    found[key] = answer
        self.told(len(found), len(keys) - len(found))
        return found

    def put(self, answers: dict[bytes, bytes]) -> None:
        """Remember answers, forgetting the least recently used ones above `size`."""
        if not self.size:
            return
        with self._lock:
            self._answers.update(answers)
            while len(self._answers) > self.size:
                self._answers.popitem(last=False)
