"""What is produced to Kafka: scored events, dead letters, samples. Every message carries the identity of its event."""

from typing import Any, Final

import msgspec

from streams.core.codec import rfc3339
from streams.core.event import E4, Event, Findings, Record, Rejected, Sample, Scored
from streams.topology import MAX_MESSAGE_BYTES, MEBI

LONGEST: Final = MAX_MESSAGE_BYTES - MEBI // 16  # of key, value and headers: less what Kafka puts around them

_encode: Final = msgspec.json.Encoder().encode
_NOTHING: Final = msgspec.Raw(b"{}")
# Names on the wire that differ from ours
_RENAMED: Final = {"event_time_ms": "event_time", "ingested_ms": "ingested_at", "sentiment_e4": "sentiment_score"}


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A message to produce. `partition` is None where the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


# Positional, and in the order of the fields of Event and Findings: a dict of them takes ten times as long to make
_Wire: Final = msgspec.defstruct(
    "_Wire",
    [(_RENAMED.get(name, name), Any) for name in (*Event.__struct_fields__, *Findings.__struct_fields__)],
    frozen=True,
    gc=False,
)


def _wire(scored: Scored) -> Any:
    """An event and its findings under the names of table `events`; times are RFC 3339, `extra` is an object."""
    e, f = scored.event, scored.findings
    return _Wire(
        e.kind, e.topic, e.partition, e.offset, e.event_id, rfc3339(e.event_time_ms), rfc3339(e.ingested_ms), e.source,
        e.service, e.host, e.level, e.lang, e.entities, e.text, e.url, e.user_id, e.action, e.item_id, e.value,
        e.template, e.template_id, msgspec.Raw(e.extra.encode()) if e.extra else _NOTHING,
        f.model, f.sentiment, f.sentiment_e4 / E4, f.category, f.category_score, f.intent, f.severity, f.severity_score,
        f.anomaly_score, f.uncertainty, f.heads,
    )  # fmt: skip


def encode_scored(scored: Scored) -> bytes:
    """The value on `<kind>.scored`."""
    return _encode(_wire(scored))


def encode_sample(sample: Sample) -> bytes:
    """The value on `samples`: the event, the predictions, why it was chosen, by which bundle."""
    fields = msgspec.structs.asdict(_wire(sample.scored))
    return _encode(
        fields
        | {"reason": sample.reason, "picked_for": rfc3339(sample.picked_for_ms), "bundle": sample.scored.findings.model}
    )


def dead_letter(record: Record, reason: Rejected, *, topic: str, at_ms: int) -> Outgoing:
    """A record as it came, with the reason in headers; those of an earlier try are replaced."""
    kept = tuple(header for header in record.headers if not header[0].startswith("pw-"))
    ours = {
        "pw-topic": record.topic,
        "pw-partition": str(record.partition),
        "pw-offset": str(record.offset),
        "pw-error": reason.code,
        "pw-detail": reason.detail,
        "pw-at": rfc3339(at_ms),
    }
    encoded = tuple((name, value.encode(errors="replace")) for name, value in ours.items())
    return Outgoing(topic, record.key, record.value, (*kept, *encoded))


def fitting(letter: Outgoing) -> Outgoing:
    """A dead letter as it is, or shortened where Kafka would not take it.

    A record that Kafka took may be too large for it: what counts there is the compressed batch.
    """
    headers = sum(len(name) + len(value) for name, value in letter.headers)
    size = len(letter.key or b"") + len(letter.value or b"") + headers
    return letter if size <= LONGEST else shortened(letter)


def shortened(letter: Outgoing) -> Outgoing:
    """A dead letter that Kafka will take where the whole is too large: where key and value begin; `pw-cut` says so."""
    key, value = letter.key or b"", letter.value or b""
    ours = tuple(header for header in letter.headers if header[0].startswith("pw-"))
    return Outgoing(
        letter.topic,
        None if letter.key is None else key[:MEBI],
        None if letter.value is None else value[:MEBI],
        (*ours, ("pw-cut", f"{len(key)} and {len(value)} bytes".encode())),
    )
