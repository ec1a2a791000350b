"""A classifier without a model, for tests of whatever stands over one.

It keeps every promise of `models.runtime.Classifier` (one contract suite runs on both) but knows nothing: its
probabilities are drawn from a hash of the text. It is never a stand-in for a model in the program itself.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from models import heads
from models.cache import AnswerCache
from models.manifest import FORMAT, Manifest, inputs, outputs
from models.reading import Reading
from models.text import NORMALIZATION, prepare


class FakeClassifier:
    """Deterministic probabilities by a hash of the text."""

    def __init__(self) -> None:
        labels = heads.labels()
        self.manifest = Manifest(
            format=FORMAT,
            name="fake",
            created="2026-01-01T00:00:00+00:00",
            base="none",
            base_licence="none",
            code="0",
            precision="none",
            labels=labels,
            inputs=inputs(),
            outputs=outputs(labels),
            normalization=NORMALIZATION,
            max_length=96,
            pad=1,
            files={},
        )
        self.cache = AnswerCache(0)
        self.calls: list[int] = []  # how many texts each call held

    @classmethod
    def load(cls, _bundle: Path | None = None, *, threads: int | None = None, cache: int = 100_000) -> Self:
        """Takes what the real one takes, and needs none of it."""
        del threads, cache
        return cls()

    @property
    def device(self) -> str:
        return "CPU"

    def classify(self, texts: Sequence[str], *, lane: str = "live", within_s: float | None = None) -> list[Reading]:
        """One reading a text, in order."""
        del lane, within_s
        self.calls.append(len(texts))
        return [self._reading(text) for text in texts]

    def close(self) -> None:
        """Nothing to end."""

    def _reading(self, text: str) -> Reading:
        ready = prepare(text)
        probabilities = {head: _drawn(f"{head}\n{ready}", len(labels)) for head, labels in self.manifest.labels.items()}
        return Reading(probabilities, min(len(ready.split()) + 2, self.manifest.max_length))


def _drawn(seed: str, count: int) -> tuple[float, ...]:
    digest = hashlib.shake_128(seed.encode()).digest(count)
    weights = [byte + 1 for byte in digest]
    return tuple(round(weight / sum(weights), 6) for weight in weights)
