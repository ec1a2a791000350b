"""The nouns of an event's way.

An event is identified by its position in Kafka's log, (topic, partition, offset), and by nothing else: whatever is
computed about it is a function of the log alone, so that a replay finds what the first run found.
"""

from typing import Final

import msgspec

from streams.topology import Kind

E4: Final = 10_000  # scores are kept in ten-thousandths: integers add up to the same sum in any order


class Record(msgspec.Struct, frozen=True, gc=False):
    """What Kafka handed over, untouched."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int  # the broker's time stamp
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Why an event cannot be read: a code for machines (`pw-error`), a detail for people (`pw-detail`)."""

    code: str
    detail: str


class Event(msgspec.Struct, frozen=True, gc=False):
    """A decoded event. Text fields that do not apply are empty."""

    kind: Kind
    topic: str
    partition: int
    offset: int
    event_id: str
    event_time_ms: int
    ingested_ms: int  # the broker's time stamp: the same in every replay
    source: str = ""  # news: the publisher; logs: the service
    service: str = ""
    host: str = ""
    level: str = ""
    lang: str = ""
    entities: tuple[str, ...] = ()
    text: str = ""
    url: str = ""
    user_id: str = ""
    action: str = ""
    item_id: str = ""
    value: float | None = None
    template: str = ""  # logs: the message with what varies replaced by <*>
    template_id: str = ""
    extra: str = ""  # unknown fields, one JSON object, or empty

    @property
    def position(self) -> tuple[str, int, int]:
        """Where it lies: names this event, for ever."""
        return self.topic, self.partition, self.offset


class Said(msgspec.Struct, frozen=True, gc=False):
    """What one head says of an event: its likeliest label, and that label's probability."""

    label: str
    score: float


class Findings(msgspec.Struct, frozen=True, gc=False):
    """What the model found in one event; what does not apply to its kind is empty or zero."""

    model: str = ""
    sentiment: str = ""
    sentiment_e4: int = 0  # (p_pos - p_neg), ten-thousandths
    category: str = ""
    category_score: float = 0.0
    intent: str = ""
    severity: str = ""
    severity_score: float = 0.0  # 1 - p(info)
    anomaly_score: float = 0.0  # 0..1
    uncertainty: float = 0.0  # 0..1: above one half a head is not sure, see `core/findings.py`
    heads: dict[str, Said] = {}  # heads without a field of their own


class Scored(msgspec.Struct, frozen=True, gc=False):
    """An event and what was found in it."""

    event: Event
    findings: Findings


class Sample(msgspec.Struct, frozen=True):
    """An event worth a label, and why."""

    reason: str  # uncertain, novel, drift, random, feedback
    scored: Scored
    picked_for_ms: int  # start of the stretch of event time that it was picked for
