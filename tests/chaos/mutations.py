"""Events for the fuzzer: real ones, real ones with something wrong, and things that never were events.

A stream of them is a function of its seed, byte for byte: no clock, and time stamps that are in the past for everybody.
"""

import base64
import json
import random
from dataclasses import dataclass
from functools import lru_cache

from infra.sample.generate import sample_events
from tests.chaos.broken_names import NAME
from tests.chaos.nasty import JSON_TEXTS, NUMBERS, STAMPS, TEXTS, VALUES, blob, nest

TOPICS = {"news": "news.raw", "logs": "logs.raw", "user": "user.events"}
PARTITIONS = 4
START_MS = 1_750_000_000_000
STEP_MS = 20  # of event time, from one event to the next
REQUIRED = {"news": ("source", "title"), "logs": ("service", "message"), "user": ("user_id", "action")}
TEXT = {"news": "title", "logs": "message", "user": "text"}


@dataclass(frozen=True, slots=True)
class Input:
    """One record to send; `sure` is what must become of it where the way that it was made says so."""

    kind: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    sure: str = ""
    made: str = "as it was"


@lru_cache
def _rows():
    """Of each kind the sample's events, less what is set here."""
    return {kind: [event.row for event in events] for kind, events in sample_events().items()}


def inputs(seed, count):
    """So many inputs."""
    rng, rows = random.Random(seed), _rows()
    for number in range(count):
        kind = rng.choice(("news", "logs", "user"))
        body = dict(rng.choice(rows[kind]))
        body["ts"] = START_MS + number * STEP_MS - (rng.randrange(7_200_000) if rng.random() < 0.02 else 0)
        yield _made(rng, kind, body)


def _made(rng, kind, body):
    partition, key = rng.randrange(PARTITIONS), _key(rng)
    if rng.random() < 0.4:
        return Input(kind, partition, key, _dumps(rng, body), _headers(rng), made="as it was")
    (way,) = rng.choices(_WAYS, _WEIGHTS)
    if way in _RECORDS:
        return way(rng, kind, body, partition=partition, key=key)
    value = way(rng, kind, body)
    if isinstance(value, dict):
        value = _dumps(rng, value)
    if rng.random() < 0.03:  # and something on top
        value = rng.choice((cut, flip, splice, other_encoding))(rng, kind, value)
    return Input(kind, partition, key, value, _headers(rng), made=way.__name__)


def _dumps(rng, body):
    escaped = rng.random() < 0.3
    separators = (",", ":") if rng.random() < 0.5 else None
    text = json.dumps(body, ensure_ascii=escaped, separators=separators)
    return text.encode("utf-8", "surrogatepass")


def _key(rng):
    dice = rng.random()
    if dice < 0.5:
        return None
    return b"k%d" % rng.randrange(10_000) if dice < 0.9 else rng.randbytes(rng.choice((0, 1, 8, 300)))


def _headers(rng):
    if rng.random() < 0.95:
        return ()
    several = rng.choice((1, 1, 2, 5, 200))
    return tuple((rng.choice(_NAMES), rng.randbytes(rng.choice((0, 3, 40)))) for _ in range(several))


_NAMES = ("", "trace", "trace", "pw-error", "pw-offset", "ünï", "传", "x" * 300, "content-encoding", "\x00", NAME)


def _name(rng, body):
    return rng.choice(list(body))


# ---- what is wrong with the fields


def without_a_field(rng, kind, body):
    del body[_name(rng, body)]
    return body


def another_type(rng, kind, body):
    body[_name(rng, body)] = rng.choice(VALUES)
    return body


def a_text(rng, kind, body):
    body[rng.choice((TEXT[kind], _name(rng, body)))] = rng.choice(TEXTS)
    return body


def a_random_text(rng, kind, body):
    body[TEXT[kind]] = "".join(chr(rng.choice(_CHARACTERS)(rng)) for _ in range(rng.randrange(60)))
    return body


_CHARACTERS = (
    lambda rng: rng.randrange(32, 127), lambda rng: rng.randrange(0x4E00, 0x9FFF), lambda rng: rng.randrange(0x300),
    lambda rng: rng.randrange(0x2000, 0x2100), lambda rng: rng.randrange(0x10000, 0x110000),
    lambda rng: rng.randrange(0xD000, 0xE800),
)  # fmt: skip


def a_stamp(rng, kind, body):
    body["ts"] = rng.choice(STAMPS)
    return body


def an_old_stamp(rng, kind, body):
    body["ts"] = rng.randrange(START_MS)
    return body


def unknown_fields(rng, kind, body):
    for number in range(rng.choice((1, 1, 3, 50))):
        body[rng.choice((f"x{number}", "", "password", "传", "a.b", "__proto__"))] = tree(rng, 4)
    return body


def tree(rng, depth):
    """Some JSON value."""
    dice = rng.random()
    if depth and dice < 0.2:
        return {f"k{number}": tree(rng, depth - 1) for number in range(rng.randrange(4))}
    if depth and dice < 0.4:
        return [tree(rng, depth - 1) for _ in range(rng.randrange(4))]
    return rng.choice((*TEXTS[:20], *VALUES[:9])) if dice < 0.7 else rng.randrange(-(10**6), 10**6)


def many_entities(rng, kind, body):
    body["entities"] = [rng.choice(TEXTS) for _ in range(rng.choice((0, 3, 30, 3_000 if rng.random() < 0.02 else 9)))]
    return body


def deep(rng, kind, body):
    depth = rng.choice((3, 62, 63, 64, 65, 200, 5_000))
    return _dumps(rng, body)[:-1] + b', "deep": ' + nest(rng, depth) + b"}"


def a_number(rng, kind, body):
    name = rng.choice(("ts", "value", "unknown", _name(rng, body)))
    body.pop(name, None)
    return _dumps(rng, body)[:-1] + b', "%s": %s}' % (name.encode(), rng.choice(NUMBERS))


def given_twice(rng, kind, body):
    again = json.dumps({_name(rng, body): rng.choice((*VALUES, *TEXTS))}).encode()
    return _dumps(rng, body)[:-1] + b", " + again[1:]


def an_envelope(rng, kind, body):
    around = {"specversion": "1.0", "type": "t", "source": "/s", "id": rng.choice(("e-1", "", 7, None))}
    around |= {"data": body} if rng.random() < 0.5 else {"data_base64": base64.b64encode(_dumps(rng, body)).decode()}
    if rng.random() < 0.5:
        around["time"] = rng.choice(STAMPS)
    if rng.random() < 0.3:
        around[_name(rng, around)] = rng.choice((*VALUES, *TEXTS))
    return around


# ---- what is wrong with the bytes


def _bytes(rng, value):
    return value if isinstance(value, bytes) else _dumps(rng, value)


def cut(rng, kind, body):
    raw = _bytes(rng, body)
    return raw[: rng.randrange(len(raw) + 1)] if rng.random() < 0.5 else raw[rng.randrange(len(raw) + 1) :]


def flip(rng, kind, body):
    raw = bytearray(_bytes(rng, body))
    for _ in range(rng.choice((1, 1, 2, 20)) if raw else 0):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


def splice(rng, kind, body):
    raw = _bytes(rng, body)
    here, there = rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)
    put = rng.choice((b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud800", b'"', b"\\", b"{", b"]", b",", b"\n", raw[:there]))
    return raw[:here] + put + raw[there if rng.random() < 0.3 else here :]


def other_encoding(rng, kind, body):
    raw = _bytes(rng, body)
    return raw.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-32", "gbk", "utf-8-sig")), "replace")


def other_json(rng, kind, body):
    return rng.choice(JSON_TEXTS)


def noise(rng, kind, body):
    return rng.randbytes(rng.choice((0, 1, 2, 40, 3_000)))


def large(rng, kind, body):
    """Seldom: up to 5 MB, and close to what is taken."""
    body[TEXT[kind]] = blob(rng, rng.choice((70_000, 300_000, 1_047_000, 1_048_300, 2_000_000, 5_000_000)))
    return body


# ---- what is wrong with the record


def tombstone(rng, kind, body, *, partition, key):
    return Input(kind, partition, key, None, _headers(rng), made="tombstone")


def large_key(rng, kind, body, *, partition, key):
    return Input(kind, partition, rng.randbytes(rng.choice((70_000, 1_100_000))), _dumps(rng, body), made="large_key")


def enveloped(rng, kind, body, *, partition, key):
    """CloudEvents as they should be, in both modes."""
    said = {"specversion": "1.0", "type": "t", "source": "/s", "id": f"e{rng.randrange(10**6)}"}
    if rng.random() < 0.5:
        value = _dumps(rng, said | {"data": body})
        return Input(kind, partition, key, value, made="enveloped", sure="stored")
    headers = tuple((f"ce_{name}", value.encode()) for name, value in said.items())
    return Input(kind, partition, key, _dumps(rng, body), headers, made="enveloped", sure="stored")


def odd_headers(rng, kind, body, *, partition, key):
    """What looks like CloudEvents and is none."""
    names = ("ce_id", "ce_time", "ce_specversion", "ce_", "CE_ID", "ce_ünï", "content-type")
    values = (b"", b"\xff\xfe", b"1.0", b"2025-06-15T12:00:00Z", b"\x00", b"never", b"application/cloudevents+json")
    headers = tuple((rng.choice(names), rng.choice(values)) for _ in range(rng.randrange(1, 5)))
    return Input(kind, partition, key, _dumps(rng, body), headers, made="odd_headers")


_RECORDS = (tombstone, large_key, enveloped, odd_headers)
_OFTEN = {
    without_a_field: 8, another_type: 8, a_text: 10, a_random_text: 6, a_stamp: 8, an_old_stamp: 0.3,
    unknown_fields: 10, many_entities: 2, deep: 2, a_number: 6, given_twice: 3, an_envelope: 4, cut: 6, flip: 8,
    splice: 8, other_encoding: 3, other_json: 4, noise: 3, large: 0.05, tombstone: 2, large_key: 0.02, enveloped: 3,
    odd_headers: 2,
}  # fmt: skip
_WAYS, _WEIGHTS = list(_OFTEN), list(_OFTEN.values())
