"""What producers put into a record, kind by kind, and how bytes become it.

Known fields are typed; `null` stands for an optional field that is absent; of a field given twice the last counts.
"""

import base64
import binascii
import re
from typing import Any, Final

import msgspec

from streams.core.event import Rejected
from streams.core.malformed import why_malformed
from streams.topology import Kind

MAX_DEPTH: Final = 64  # levels of nesting; counted, not tried, so that the answer does not depend on the stack

Fields = dict[str, Any]


class News(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A payload of `news.raw`."""

    source: str
    title: str
    ts: str | int | None = None
    id: str | None = None
    body: str | None = None
    url: str | None = None
    lang: str | None = None
    entities: list[str] | None = None


class Log(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A payload of `logs.raw`."""

    service: str
    message: str
    ts: str | int | None = None
    id: str | None = None
    host: str | None = None
    level: str | None = None


class Action(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A payload of `user.events`."""

    user_id: str
    action: str
    ts: str | int | None = None
    id: str | None = None
    item_id: str | None = None
    text: str | None = None
    value: float | None = None


Payload = News | Log | Action

TYPES: Final[dict[Kind, type[News | Log | Action]]] = {"news": News, "logs": Log, "user": Action}
REQUIRED: Final[dict[Kind, tuple[str, ...]]] = {
    "news": ("source", "title"),
    "logs": ("service", "message"),
    "user": ("user_id", "action"),
}
_KNOWN: Final = {kind: frozenset(typed.__struct_fields__) for kind, typed in TYPES.items()}
_TYPED: Final = {kind: msgspec.json.Decoder(typed) for kind, typed in TYPES.items()}
_ANY: Final = msgspec.json.Decoder()

_BRACKETS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|([\[{])|([\]}])', re.DOTALL)
_BOM: Final = b"\xef\xbb\xbf"


def read_typed(kind: Kind, raw: bytes) -> Payload | None:
    """The payload, where `raw` holds nothing but known fields of the right types; else None, for whatever reason."""
    try:
        payload: Payload = _TYPED[kind].decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return None if b"\\u0000" in raw else payload


def read_fields(raw: bytes) -> Fields | Rejected:
    """A JSON object with all that is in it."""
    raw = raw.removeprefix(_BOM)
    if _deeper_than(MAX_DEPTH, raw):
        return Rejected("too_deep", f"nested more than {MAX_DEPTH} levels deep")
    try:
        fields = _ANY.decode(raw)
    except msgspec.ValidationError as error:
        return Rejected("wrong_type", complaint(error))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return why_malformed(raw)
    if b"\\u0000" in raw and has_nul(fields):
        return Rejected("bad_unicode", "holds a NUL character")
    return (
        fields if isinstance(fields, dict) else Rejected("wrong_type", f"expected an object, got {_json_type(fields)}")
    )


def read_base64(text: Any) -> Fields | Rejected:
    """The payload of a CloudEvent's `data_base64`."""
    if not isinstance(text, str):
        return Rejected("wrong_type", f"data_base64: expected a string, got {_json_type(text)}")
    try:
        return read_fields(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return Rejected("not_json", "data_base64 is no base64")


def sort_fields(kind: Kind, fields: Fields) -> tuple[Payload, Fields] | Rejected:
    """The typed payload, and the fields that are unknown to us."""
    if missing := [name for name in REQUIRED[kind] if name not in fields]:
        return Rejected("missing_field", f"{' and '.join(missing)} missing")
    known = _KNOWN[kind]
    try:
        payload = msgspec.convert({name: fields[name] for name in fields if name in known}, TYPES[kind])
    except (msgspec.ValidationError, OverflowError) as error:
        return Rejected("wrong_type", complaint(error))
    return payload, {name: value for name, value in fields.items() if name not in known}


def complaint(error: Exception) -> str:
    """`title: expected str, got int` of msgspec's message."""
    what, _, path = str(error).partition(" - at `$")
    field = path.rstrip("`").lstrip(".")
    said = what.replace("`", "")
    return f"{field}: {said[:1].lower()}{said[1:]}"[:200] if field else said[:200]


def has_nul(value: Any) -> bool:
    """Whether a NUL is in any text or name of a decoded JSON value."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in name or has_nul(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(has_nul, value))


def _deeper_than(limit: int, raw: bytes) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= limit:
        return False
    depth = 0
    for found in _BRACKETS.finditer(raw):
        if found[1]:
            depth += 1
            if depth > limit:
                return True
        elif found[2]:
            depth -= 1
    return False


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
