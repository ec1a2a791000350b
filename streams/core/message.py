"""What is produced to Kafka: scored events, dead letters, samples. Every message carries the identity of its event."""

from typing import Any, Final

import msgspec

from streams.core.codec import rfc3339
from streams.core.event import E4, Event, Findings, Record, Rejected, Sample, Scored
from streams.topology import MEBI

_encode: Final = msgspec.json.Encoder().encode

# Names on the wire that differ from ours
_RENAMED: Final = {"event_time_ms": "event_time", "ingested_ms": "ingested_at", "sentiment_e4": "sentiment_score"}
_EVENT_FIELDS: Final = tuple((name, _RENAMED.get(name, name)) for name in Event.__struct_fields__)
_FOUND_FIELDS: Final = tuple((name, _RENAMED.get(name, name)) for name in Findings.__struct_fields__)


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A message to produce. `partition` is None where the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


def scored_fields(scored: Scored) -> dict[str, Any]:
    """An event and its findings under the names of table `events`; times are RFC 3339, `extra` is an object."""
    event, found = scored.event, scored.findings
    fields: dict[str, Any] = {wire: getattr(event, name) for name, wire in _EVENT_FIELDS}
    fields |= {wire: getattr(found, name) for name, wire in _FOUND_FIELDS}
    fields["event_time"] = rfc3339(event.event_time_ms)
    fields["ingested_at"] = rfc3339(event.ingested_ms)
    fields["sentiment_score"] = found.sentiment_e4 / E4
    fields["extra"] = msgspec.Raw(event.extra.encode() if event.extra else b"{}")
    return fields


def encode_scored(scored: Scored) -> bytes:
    """The value on `<kind>.scored`."""
    return _encode(scored_fields(scored))


def encode_sample(sample: Sample) -> bytes:
    """The value on `samples`: the event, the predictions, why it was chosen, by which bundle."""
    fields = scored_fields(sample.scored)
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
