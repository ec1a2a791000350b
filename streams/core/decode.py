"""Bytes of a raw topic become an event, or the reason why not. Never raises, whatever the bytes.

| code            | when                                                                                              |
|-----------------|---------------------------------------------------------------------------------------------------|
| `tombstone`     | the record has no value                                                                           |
| `too_large`     | key, value and headers have more than `max_bytes` bytes; nothing else is looked at                |
| `too_deep`      | nested more than 64 levels                                                                        |
| `not_json`      | no JSON, an empty value, `data_base64` that is no base64                                          |
| `bad_unicode`   | JSON but for bytes that are no UTF-8, half of a surrogate pair, or a NUL                          |
| `wrong_type`    | not an object; a field of another type; a number out of range or none (`NaN`, `1e999`)            |
| `missing_field` | a required field is absent; a required name (source, service, user_id, action) is blank           |
| `empty_text`    | title or message is blank                                                                         |
| `long_name`     | a name (source, service, host, user_id, action, item_id, an entity) of over 4,096 characters      |
| `bad_timestamp` | no RFC 3339 time; before 1970, after 2199, or over a day after the broker's time stamp            |

1. A function of the record and the watch list: no clock, no state, so that a replay finds the same event.
2. An event without an id, or with a blank one, is `topic/partition/offset`.
3. Texts, the URL, entities and unknown fields with their names are redacted here, before anything else sees them. An
   `id` and an `item_id` that hold a secret are a hash instead. `user_id` stays: it is what users are counted by.
4. Keys and headers that are no UTF-8 are no failure.
5. Names lose the blanks around them and have composed letters: what looks alike is one series.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from streams.core.entities import WatchList, merged
from streams.core.envelope import KEPT_AS, Envelope, from_headers, is_structured, says_structured, unwrap
from streams.core.event import Event, Record, Rejected
from streams.core.language import language_of, primary_subtag
from streams.core.names import spelt
from streams.core.payloads import Action, Fields, Log, News, Payload, read_fields, read_typed, sort_fields
from streams.core.redact import redact, redact_fields, redact_id
from streams.core.template import template_id, template_of
from streams.core.timestamps import event_time
from streams.topology import KIND_OF, Kind

CODES: Final = (
    "tombstone", "too_large", "too_deep", "not_json", "bad_unicode", "wrong_type", "missing_field", "empty_text",
    "bad_timestamp", "long_name",
)  # fmt: skip

REMEMBERED: Final = 256  # characters of a line that is remembered
_AROUND_A_LEVEL: Final = " \t\r\n[]()<>:-"  # as in `[ERROR]`, `ERROR:`, or `-` for none

MAX_NAME: Final = 4_096  # characters: a server takes 128 KiB for a parameter of a question
_NAMES: Final[dict[type[Payload], tuple[str, ...]]] = {
    News: ("source",),
    Log: ("service", "host"),
    Action: ("user_id", "action", "item_id"),
}
_NOT_BLANK: Final[dict[type[Payload], tuple[tuple[str, str], ...]]] = {
    News: (("source", "missing_field"), ("title", "empty_text")),
    Log: (("service", "missing_field"), ("message", "empty_text")),
    Action: (("user_id", "missing_field"), ("action", "missing_field")),
}


class _Opened(msgspec.Struct, frozen=True, gc=False):
    """A record's payload, out of whatever it was wrapped in."""

    payload: Payload
    envelope: Envelope | None = None
    unknown: Fields = {}


class Decoder:
    """Decodes the records of the raw topics."""

    def __init__(self, *, max_bytes: int, watch: WatchList) -> None:
        self.max_bytes = max_bytes
        self.watch = watch
        self._of: dict[type, Callable[[Any], dict[str, Any]]] = {News: self._news, Log: self._log, Action: self._action}

    def decode(self, record: Record) -> Event | Rejected:
        """The event that a record of a raw topic holds, or why it holds none."""
        if record.value is None:
            return Rejected("tombstone", "the record has no value")
        size = _size(record)
        if size > self.max_bytes:
            return Rejected("too_large", f"{size} bytes, at most {self.max_bytes} are taken")
        kind = KIND_OF[record.topic]
        opened = _open(kind, record.value, record.headers)
        return opened if isinstance(opened, Rejected) else self._event(kind, record, opened)

    def _event(self, kind: Kind, record: Record, opened: _Opened) -> Event | Rejected:
        payload, envelope = opened.payload, opened.envelope
        if wrong := _blank(payload) or _too_long(payload):
            return wrong
        stamp = (envelope and envelope.time) or payload.ts
        if stamp is None:
            return Rejected("missing_field", "ts missing")
        time_ms = event_time(stamp, ingested_ms=record.timestamp_ms)
        if isinstance(time_ms, str):
            return Rejected("bad_timestamp", f"ts: {time_ms}")
        event_id = (envelope and envelope.id) or payload.id
        return Event(
            kind=kind,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            event_id=redact_id(event_id) if event_id else f"{record.topic}/{record.partition}/{record.offset}",
            event_time_ms=time_ms,
            ingested_ms=record.timestamp_ms,
            extra=_extra(opened),
            **self._of[type(payload)](payload),
        )

    def _news(self, news: News) -> dict[str, Any]:
        text = redact(f"{news.title}\n{news.body}" if news.body else news.title)
        return {
            "source": spelt(news.source),
            "text": text,
            "url": redact(news.url) if news.url else "",
            "lang": _lang(news.lang, text),
            "entities": merged(map(self.watch.named, map(redact, news.entities or ())), self.watch.find(text)),
        }

    def _log(self, log: Log) -> dict[str, Any]:
        service, message = spelt(log.service), log.message
        text, template, its_id = _remembered(message) if len(message) <= REMEMBERED else _line(message)
        return {
            "source": service,
            "service": service,
            "host": spelt(log.host or ""),
            "level": (log.level or "").strip(_AROUND_A_LEVEL).lower(),
            "text": text,
            "template": template,
            "template_id": its_id,
        }

    def _action(self, action: Action) -> dict[str, Any]:
        text = redact(action.text) if action.text else ""
        return {
            "user_id": spelt(action.user_id),
            "action": spelt(action.action),
            "item_id": redact_id(spelt(action.item_id or "")),
            "text": text,
            "value": action.value,
            "lang": language_of(text) if text else "",
        }


def _line(message: str) -> tuple[str, str, str]:
    """What is kept of a log line: its text, the template, the template's id."""
    text = redact(message)
    template = template_of(text)
    return text, template, template_id(template)


_remembered: Final = lru_cache(4_096)(_line)  # half of all real lines came before, to the letter


def _size(record: Record) -> int:
    """Bytes of all that may go into what is published of it."""
    headers = sum([len(value) for _, value in record.headers]) if record.headers else 0
    return len(record.value or b"") + len(record.key or b"") + headers


def _open(kind: Kind, raw: bytes, headers: tuple[tuple[str, bytes], ...]) -> _Opened | Rejected:
    envelope = from_headers(headers) if headers else None
    if payload := read_typed(kind, raw):
        return _Opened(payload, envelope)
    fields = read_fields(raw)
    if isinstance(fields, dict) and (is_structured(fields) or (headers and says_structured(headers))):
        unwrapped = unwrap(fields)
        if isinstance(unwrapped, Rejected):
            return unwrapped
        envelope, fields = unwrapped
    if isinstance(fields, Rejected):
        return fields
    sorted_out = sort_fields(kind, fields)
    return sorted_out if isinstance(sorted_out, Rejected) else _Opened(sorted_out[0], envelope, sorted_out[1])


def _blank(payload: Payload) -> Rejected | None:
    """What is wrong with a payload whose names or text are blank."""
    for name, code in _NOT_BLANK[type(payload)]:
        if not getattr(payload, name).strip():
            return Rejected(code, f"{name} is blank")
    return None


def _too_long(payload: Payload) -> Rejected | None:
    """What is wrong with a payload of which a name is no name: it would stand in each question about its series."""
    for name in _NAMES[type(payload)]:
        if (given := getattr(payload, name)) and len(given) > MAX_NAME:
            return Rejected("long_name", f"{name} has {len(given):,} characters, a name has {MAX_NAME:,} at most")
    if isinstance(payload, News) and payload.entities and max(map(len, payload.entities)) > MAX_NAME:
        return Rejected("long_name", f"one of the entities has more than {MAX_NAME:,} characters")
    return None


def _lang(given: str | None, text: str) -> str:
    return (primary_subtag(given) if given else "") or language_of(text)


def _extra(opened: _Opened) -> str:
    extra = dict(opened.unknown)
    if opened.envelope and opened.envelope.kept:
        extra.setdefault(KEPT_AS, opened.envelope.kept)
    return msgspec.json.encode(redact_fields(extra)).decode() if extra else ""
