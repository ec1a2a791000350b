"""CloudEvents 1.0 around a payload.

Structured mode: the value is a JSON object with `specversion`, `type`, `source`, `id`, and the payload in `data` or
`data_base64`. Binary mode: headers `ce_specversion`, `ce_id`, `ce_time`..., and the value is the payload. In both,
`id` and `time` come from the envelope, and what else it says is kept in `Event.extra` under `cloudevent`. A value
that is a payload of ours as it stands is read as one, whatever its content type claims.
"""

from typing import Any, Final

import msgspec

from streams.core.event import Rejected
from streams.core.payloads import Fields, read_base64

KEPT_AS: Final = "cloudevent"
CONTENT_TYPE: Final = b"application/cloudevents+json"

_REQUIRED: Final = ("specversion", "type", "source", "id")
_DATA: Final = ("data", "data_base64")


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What an envelope says about its event."""

    id: str | None = None
    time: str | None = None
    kept: Fields = {}


def from_headers(headers: tuple[tuple[str, bytes], ...]) -> Envelope | None:
    """The envelope of binary mode, or None. A header that is no text is passed over."""
    said = {name[3:].lower(): text for name, value in headers if _is_attribute(name) and (text := _text(value))}
    if "specversion" not in said and "id" not in said:
        return None
    return Envelope(id=said.pop("id", None), time=said.pop("time", None), kept=_kept(said))


def _is_attribute(name: str) -> bool:
    return name[:3].lower() == "ce_" and name.isascii()


def _text(value: bytes | None) -> str:
    """A header's text; empty where it is no UTF-8 or holds a NUL."""
    try:
        text = (value or b"").decode()
    except UnicodeDecodeError:
        return ""
    return "" if "\x00" in text else text


def says_structured(headers: tuple[tuple[str, bytes], ...]) -> bool:
    """Whether the content type says that the value is an envelope."""
    return any(
        name.lower() == "content-type" and (value or b"").lower().startswith(CONTENT_TYPE) for name, value in headers
    )


def is_structured(fields: Fields) -> bool:
    """Whether a value looks like an envelope: a payload of ours has no such field as `specversion`."""
    return all(name in fields for name in _REQUIRED)


def unwrap(fields: Fields) -> tuple[Envelope, Fields] | Rejected:
    """The envelope of structured mode and the payload's fields."""
    for name in _REQUIRED:
        if name not in fields:
            return Rejected("missing_field", f"{name} of the CloudEvent is missing")
    for name in ("specversion", "id", "time"):
        if not isinstance(fields.get(name, ""), str):
            return Rejected("wrong_type", f"{name} of the CloudEvent: expected a string")
    data = _data(fields)
    if isinstance(data, Rejected):
        return data
    kept = _kept({name: value for name, value in fields.items() if name not in _DATA and name not in ("id", "time")})
    return Envelope(id=fields["id"], time=fields.get("time"), kept=kept), data


def _data(fields: Fields) -> Fields | Rejected:
    if fields.get("data_base64") is not None:
        return read_base64(fields["data_base64"])
    data: Any = fields.get("data")
    if data is None:
        return Rejected("missing_field", "data of the CloudEvent is missing")
    return data if isinstance(data, dict) else Rejected("wrong_type", "data of the CloudEvent: expected an object")


def _kept(said: Fields) -> Fields:
    return {name: value for name, value in said.items() if name != "specversion"}
