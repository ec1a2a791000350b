"""Why bytes are no JSON that we take: told apart for the producer, who has to mend it."""

import json
from typing import Any, Final

from streams.core.event import Rejected
from streams.core.redact import redact

SHOWN: Final = 40  # bytes of what was found


def why_malformed(raw: bytes) -> Rejected:
    """What keeps `raw` from being JSON: its characters, a number that is none, or its form. It is not nested deep."""
    if not raw.strip():
        return Rejected("not_json", "the value is empty")
    odd_numbers: list[str] = []
    text = raw.decode("utf-8", "replace")
    try:
        value = json.loads(text, strict=False, parse_constant=odd_numbers.append)
    except json.JSONDecodeError as error:
        return Rejected("not_json", f"{error.msg} at character {error.pos}: {_shown(raw)}")
    except (ValueError, RecursionError):  # an integer of more digits than Python reads
        return Rejected("not_json", f"cannot be read: {_shown(raw)}")
    if trouble := _bad_unicode(raw, text, value):
        return Rejected("bad_unicode", trouble)
    if odd_numbers:
        return Rejected("wrong_type", f"{odd_numbers[0]} is no JSON number")
    return Rejected("not_json", "holds a control character that is not escaped")


def _bad_unicode(raw: bytes, text: str, value: Any) -> str:
    """What is wrong with the characters of what would be JSON without them; empty if nothing."""
    if not _is_utf8(raw):
        return "holds bytes that are no UTF-8"
    if _has_lone_surrogate(value):
        return "holds half of a surrogate pair"
    return "holds a NUL character" if "\x00" in text else ""


def _shown(raw: bytes) -> str:
    return redact(repr(raw[:SHOWN])[1:])


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_lone_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return any(_has_lone_surrogate(name) or _has_lone_surrogate(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_has_lone_surrogate, value))
