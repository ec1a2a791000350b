"""What may become of an input, worked out with Python's own json and datetime, and nothing of the program.

The answer is a set of outcomes: `stored`, or codes of the dead-letter topic. Where the rules are simple it has one
member; where two mistakes meet, or where readers of JSON may differ, several.
"""

import json
import re
from datetime import UTC, datetime

CODES = (
    "tombstone", "too_large", "too_deep", "not_json", "bad_unicode", "wrong_type", "missing_field", "empty_text",
    "bad_timestamp",
)  # fmt: skip
STORED = "stored"
ANY = frozenset((STORED, *CODES))
MAX_BYTES, MAX_DEPTH = 1_048_576, 64
LAST_PAST_MS = 1_760_000_000_000  # a past time for everybody
FIRST_FUTURE_MS = 4_000_000_000_000  # 2096

_TEXT = {"news": ("title",), "logs": ("message",), "user": ()}
_NAMES = {"news": ("source",), "logs": ("service",), "user": ("user_id", "action")}
_OPTIONAL = {"news": ("id", "body", "url", "lang"), "logs": ("id", "host", "level"), "user": ("id", "item_id", "text")}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ODD_NUMBER = re.compile(r"\d{16}|\d\.?\d*[eE]")
_HALF = re.compile("[\ud800-\udfff]")
_MAY_SPOIL = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
_PLAIN_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def allowed(kind, *, key, value, headers):
    """The outcomes that this input may have."""
    if value is None:
        return _one("tombstone")
    if len(value) + len(key or b"") + sum(len(said or b"") for _, said in headers) > MAX_BYTES:
        return _one("too_large")
    if not value.strip(b" \t\r\n"):
        return _one("not_json")
    deep = {"too_deep"} if value.count(b"[") + value.count(b"{") > MAX_DEPTH else set()
    try:
        text = value.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        return frozenset({"bad_unicode", "not_json", "wrong_type"} | deep)
    if any(name[:3].lower() == "ce_" or name.lower() == "content-type" for name, _ in headers):
        return ANY
    return _of_text(kind, text, deep)


def _of_text(kind, text, deep):
    odd = {"wrong_type", "not_json"} if _has_odd_number(text) else set()
    found = _Found()
    try:
        body = json.loads(text, object_pairs_hook=found.pairs, parse_constant=found.constant)
    except RecursionError:
        return _one("too_deep")
    except json.JSONDecodeError:
        return frozenset(_not_strict(text) | odd | deep)
    except ValueError:  # an integer of thousands of digits
        return frozenset({"wrong_type", "not_json", STORED} | deep)
    found.spoilt = found.spoilt or bool(_MAY_SPOIL.search(text) and _spoilt(body))
    return _of_json(kind, body, found, odd)


def _of_json(kind, body, found, odd):
    if _depth(body) > MAX_DEPTH:
        return _one("too_deep")
    if found.constants:
        return frozenset({"wrong_type", "bad_unicode"})
    if found.spoilt:
        return frozenset({"bad_unicode"} | odd | ({"not_json"} if found.twice else set()))
    twice = {"not_json", "wrong_type"} if found.twice else set()
    return frozenset(_of_body(kind, body) | odd | twice)


def _has_odd_number(text):
    """Whether a number stands in it that readers of JSON may take differently."""
    return bool(_ODD_NUMBER.search(text) and _ODD_NUMBER.search(_QUOTED.sub("", text)))


class _Found:
    """What a reading of JSON came across."""

    def __init__(self):
        self.constants, self.twice, self.spoilt = [], False, False

    def constant(self, name):
        self.constants.append(name)

    def pairs(self, pairs):
        body = dict(pairs)
        if len(body) < len(pairs):
            self.twice = True
            self.spoilt = self.spoilt or any(map(_spoilt, pairs))
        return body


def _not_strict(text):
    """What is no JSON: for its form, or only for control characters that stand in it bare."""
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return {"not_json"}
    return {"not_json", "bad_unicode", "wrong_type"}


def _of_body(kind, body):
    if not isinstance(body, dict):
        return {"wrong_type"}
    if all(name in body for name in ("specversion", "type", "source", "id")):
        return ANY
    required = (*_NAMES[kind], *_TEXT[kind])
    if any(name not in body for name in required):
        return {"missing_field"}
    if not _typed(kind, body, required):
        return {"wrong_type"}
    if blank := [name for name in required if not body[name].strip()]:
        return {"empty_text"} if blank == list(_TEXT[kind]) else {"missing_field"}
    return {"missing_field"} if body.get("ts") is None else _of_stamp(body["ts"])


def _typed(kind, body, required):
    texts = [body[name] for name in required] + [body[name] for name in _OPTIONAL[kind] if body.get(name) is not None]
    right = all(isinstance(text, str) for text in texts)
    stamp, value, entities = body.get("ts"), body.get("value"), body.get("entities")
    right = right and (stamp is None or (isinstance(stamp, str | int) and not isinstance(stamp, bool)))
    if kind == "user" and value is not None:
        right = right and isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "news" and entities is not None:
        right = right and isinstance(entities, list) and all(isinstance(one, str) for one in entities)
    return right


def _of_stamp(stamp):
    if isinstance(stamp, str):
        if not re.search("[0-9]", stamp):
            return {"bad_timestamp"}
        if not _PLAIN_STAMP.fullmatch(stamp) or stamp[17:19] == "60":
            return {STORED, "bad_timestamp"}
        try:
            stamp = (datetime.fromisoformat(stamp) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000
        except ValueError:
            return {"bad_timestamp"}
    elif 10**9 <= stamp < 10**10:  # seconds
        return {"bad_timestamp"}
    if 0 <= stamp < LAST_PAST_MS:
        return {STORED}
    return {"bad_timestamp"} if stamp < 0 or stamp > FIRST_FUTURE_MS else {STORED, "bad_timestamp"}


def _depth(value):
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _spoilt(value):
    """Whether half of a surrogate pair or a NUL is in any text or name."""
    if isinstance(value, str):
        return "\x00" in value or bool(_HALF.search(value))
    if isinstance(value, dict):
        return any(map(_spoilt, value)) or any(map(_spoilt, value.values()))
    return isinstance(value, list | tuple) and any(map(_spoilt, value))


def _one(outcome):
    return frozenset((outcome,))
