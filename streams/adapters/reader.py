"""The classifier behind the port `Reader`: its blocking call runs in threads, off the event loop."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from models.cache import AnswerCache
from models.manifest import Manifest
from models.reading import Reading
from streams import faults
from streams.topology import KINDS, Kind


class Blocking(Protocol):
    """What `models.runtime.Classifier` and `models.fake.FakeClassifier` have in common."""

    manifest: Manifest

    cache: AnswerCache

    def classify(self, texts: Sequence[str], *, lane: str = "live", within_s: float | None = None) -> list[Reading]:
        """One reading a text, in order."""

    def close(self) -> None:
        """End its threads."""


class ThreadedReader:
    """`ports.Reader` on a classifier."""

    def __init__(self, classifier: Blocking, *, lane: str = "live") -> None:
        """`lane`: who asks in another one does not have to wait until this one's texts are all read."""
        self._classifier = classifier
        self._lane = lane

    @property
    def name(self) -> str:
        """See `ports.Reader`."""
        return self._classifier.manifest.name

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """See `ports.Reader`."""
        return self._classifier.manifest.labels

    @property
    def heads(self) -> Mapping[Kind, tuple[str, ...]]:
        """See `ports.Reader`."""
        return {kind: self._classifier.manifest.heads_for(kind) for kind in KINDS}

    @property
    def sure(self) -> Mapping[str, float]:
        """See `ports.Reader`."""
        return self._classifier.manifest.sure

    async def read(self, texts: Sequence[str], *, behind: bool = False) -> list[Reading]:
        """See `ports.Reader`."""
        return await asyncio.to_thread(self._read, texts, "backfill" if behind else self._lane)

    def _read(self, texts: Sequence[str], lane: str) -> list[Reading]:
        faults.at("inference")
        return self._classifier.classify(texts, lane=lane)
