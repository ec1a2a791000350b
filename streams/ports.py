"""What the agents need from the outside. Each port has a real adapter and a fake; one contract suite runs on both."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from models.reading import Reading
from streams.core.alert import Alert, Evidence
from streams.core.event import Sample, Scored
from streams.core.message import Outgoing
from streams.core.series import Series
from streams.core.window import WindowAt, WindowRow
from streams.topology import Kind


class Publisher(Protocol):
    """Produces to Kafka."""

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return once the broker acknowledged every message.

        Raises:
            BrokerAway: some may have been produced; publish all of them again.
            BrokerRefused: one is too large; others may have been produced.
        """


class Reader(Protocol):
    """Reads texts. `models.runtime.Classifier` is one."""

    @property
    def name(self) -> str:
        """Which model answers; goes into `events.model`."""

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """The labels of each head, in the order of the probabilities."""

    @property
    def heads(self) -> Mapping[Kind, tuple[str, ...]]:
        """Which heads answer for which kind of event."""

    @property
    def sure(self) -> Mapping[str, float]:
        """The least share of its first label with which a head counts as sure, where the bundle says it."""

    async def read(self, texts: Sequence[str], *, behind: bool = False) -> list[Reading]:
        """One reading a text, in order, computed off the event loop; what is `behind` leaves the others the way."""


class EventStore(Protocol):
    """ClickHouse as the event agents see it. Every method raises StoreAway (wait, again) or StoreRefused."""

    async def restore(self, kind: Kind, topic: str, partition: int, *, lateness_ms: int) -> "Restored":
        """The watermark of a partition, every row of its open windows, and how far it is sampled."""

    async def rows_of(self, kind: Kind, topic: str, partition: int, windows: Collection[WindowAt]) -> list[WindowRow]:
        """Every row of these windows of a partition."""

    async def write(self, events: Sequence[Scored], rows: Sequence[WindowRow]) -> None:
        """Store events, then rows. Writing again what was written changes nothing."""

    async def pick_samples(self, stretch: "Stretch", *, size: int, share: float) -> list[Sample]:
        """The uncertain and the random events of a stretch of event time: the same ones whenever it is asked.

        Of each piece and reason at most `size`, and at most this share of those in question, but one at least.
        """

    async def untold_samples(self, stretch: "Stretch") -> list[Sample]:
        """The stored samples of the partition, of whatever time, that the topic is not known to have."""

    async def write_samples(self, samples: Sequence[Sample], *, told: bool) -> None:
        """Store samples, and whether the topic has them. Writing again what was written changes nothing else."""


class AlertStore(Protocol):
    """ClickHouse as the detector sees it. Every method raises StoreAway (wait, again) or StoreRefused."""

    async def active(self, kind: Kind, dimensions: Collection[str], *, seconds: int, since_ms: int) -> list[Series]:
        """The series of these dimensions that have a window of this size starting at `since_ms` or later, in order."""

    async def firing(self, kind: Kind) -> list[Series]:
        """The series whose latest incident, under any rule, is not resolved, in order."""

    async def history(
        self, series: Collection[Series], *, seconds: int, since_ms: int
    ) -> dict[Series, list[WindowRow]]:
        """Each partition's rows of these series in windows starting at `since_ms` or later, oldest first."""

    async def latest(self, fingerprints: Collection[str]) -> dict[str, Alert]:
        """The latest revision of the latest incident under each of these fingerprints, where there was one."""

    async def evidence(self, alert: Alert, *, size: int) -> list[Evidence]:
        """The events of the alert's window and series that speak loudest, at most `size`: the same at each call."""

    async def untold(self, kind: Kind) -> list[Alert]:
        """Alerts that were last written as not told, in the order of their fingerprints, starts and revisions."""

    async def write(self, alerts: Sequence[Alert], *, told: bool) -> None:
        """Store alerts, and whether the topic is known to have them. Writing again what was written changes nothing."""


class Restored(msgspec.Struct, frozen=True):
    """What a partition takes up again."""

    watermark_ms: int | None
    rows: tuple[WindowRow, ...]
    sampled_ms: int | None = None  # the start of the last piece of event time that samples were picked of


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of a partition's event time, [from, to), in pieces of `every_ms`."""

    kind: Kind
    topic: str
    partition: int
    from_ms: int
    to_ms: int
    every_ms: int
