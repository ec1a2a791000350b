"""What lies on a dead-letter topic, and how it goes back to where it came from.

1. `dead_letter_of` never raises: a header that is missing or unreadable is an empty name or an offset of -1.
2. Going back changes neither key nor value nor a header of the producer's; of ours, `pw-replayed-from` alone is set.
3. `from_line(to_line(letter)) == again(letter)`, so that a file that nobody edited sends what `replay` would send.
"""

import binascii
from base64 import b64decode, b64encode
from hashlib import blake2b
from typing import Any, Final

import msgspec

from streams.core.event import Record, Rejected
from streams.core.message import Outgoing
from streams.topology import DLQ

OURS: Final = "pw-"
REPLAYED_FROM: Final = "pw-replayed-from"
UNKNOWN: Final = "unknown"  # the code of a record that names none


class DeadLetter(msgspec.Struct, frozen=True):
    """A record on a dead-letter topic, and what its headers say of where it came from and why it could not be read."""

    record: Record
    topic: str
    partition: int
    offset: int
    error: str
    detail: str
    at: str
    cut: str  # how long key and value were, where they are here in part only; empty where all is here

    @property
    def position(self) -> str:
        """Where it lies, such as `news.raw.dlq/2/5`."""
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset}"

    @property
    def origin(self) -> str:
        """Where it came from, such as `news.raw/0/17`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def identity(self) -> bytes:
        """The same for each dead letter of one record: a worker that dies before it acknowledges says one again.

        The value is part of it, as positions begin anew where a topic is deleted and made again.
        """
        come_from = self.origin if self.offset >= 0 else self.position
        return blake2b(come_from.encode() + b"\0" + (self.record.value or b""), digest_size=16).digest()


class _Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A dead letter in a file. Exactly one of `text` and `value_base64` holds the value, or none: a tombstone."""

    position: str
    topic: str
    error: str = ""
    detail: str = ""
    key_base64: str | None = None
    headers_base64: list[tuple[str, str]] | None = None
    text: str | None = None
    value_base64: str | None = None


_RAW_OF: Final = {dlq: raw for raw, dlq in DLQ.items()}
_decode_line: Final = msgspec.json.Decoder(_Line).decode


def dead_letter_of(record: Record) -> DeadLetter:
    """Read the headers of a record; where they name no topic, the dead-letter topic's own name tells."""
    said = {name: value.decode(errors="replace") for name, value in record.headers if name.startswith(OURS)}
    return DeadLetter(
        record=record,
        topic=said.get("pw-topic") or _RAW_OF.get(record.topic, ""),
        partition=_number(said.get("pw-partition")),
        offset=_number(said.get("pw-offset")),
        error=said.get("pw-error") or UNKNOWN,
        detail=said.get("pw-detail", ""),
        at=said.get("pw-at", ""),
        cut=said.get("pw-cut", ""),
    )


def again(letter: DeadLetter) -> Outgoing:
    """The message that brings it back to the topic that it came from."""
    record = letter.record
    return Outgoing(letter.topic, record.key, record.value, _headers(_theirs(record), letter.position))


def to_line(letter: DeadLetter) -> bytes:
    """One JSON, for somebody to repair; bytes that are UTF-8 are text."""
    record = letter.record
    headers = [(name, b64encode(value).decode()) for name, value in _theirs(record)]
    text = _utf8(record.value)
    raw = record.value if text is None else None
    return msgspec.json.encode(
        _Line(
            position=letter.position,
            topic=letter.topic,
            error=letter.error,
            detail=letter.detail,
            key_base64=None if record.key is None else b64encode(record.key).decode(),
            headers_base64=headers or None,
            text=text,
            value_base64=None if raw is None else b64encode(raw).decode(),
        )
    )


def from_line(line: bytes) -> Outgoing | Rejected:
    """The message of a line that may have been repaired."""
    try:
        given = _decode_line(line)
        if given.topic not in DLQ:
            return Rejected("wrong_topic", f"{given.topic!r} is none of {', '.join(DLQ)}")
        if given.text is not None and given.value_base64 is not None:
            return Rejected("two_values", "it has both text and value_base64")
        headers = [(name, b64decode(encoded, validate=True)) for name, encoded in given.headers_base64 or ()]
        key = None if given.key_base64 is None else b64decode(given.key_base64, validate=True)
        value = _value(given)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return Rejected("not_json", str(error))
    except (binascii.Error, ValueError) as error:
        return Rejected("bad_base64", str(error))
    return Outgoing(given.topic, key, value, _headers(headers, given.position))


def replayed_from(headers: Any) -> str | None:
    """Which dead letter a record on a raw topic is, if it is one."""
    found = [value for name, value in headers if name == REPLAYED_FROM]
    return found[-1].decode(errors="replace") if found else None


def _value(given: _Line) -> bytes | None:
    if given.text is not None:
        return given.text.encode()
    return None if given.value_base64 is None else b64decode(given.value_base64, validate=True)


def _theirs(record: Record) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in record.headers if not name.startswith(OURS)]


def _headers(theirs: list[tuple[str, bytes]], position: str) -> tuple[tuple[str, bytes], ...]:
    return (*theirs, (REPLAYED_FROM, position.encode()))


def _utf8(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else -1
