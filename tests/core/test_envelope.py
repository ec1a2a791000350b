"""CloudEvents 1.0 around payloads, in both modes."""

import base64
import json

import pytest

from streams.core.decode import Decoder
from streams.core.entities import WatchList
from streams.core.event import Event, Record, Rejected

NOON_MS = 1_795_521_600_000  # 2026-11-24T12:00:00Z
PAYLOAD = {"service": "shop", "message": "paid order 7"}
ENVELOPE = {"specversion": "1.0", "type": "log", "source": "/shop", "id": "ce-1", "time": "2026-11-24T11:59:59Z"}
BINARY = (("ce_specversion", b"1.0"), ("ce_id", b"ce-1"), ("ce_time", b"2026-11-24T11:59:59Z"), ("ce_type", b"log"))
decoder = Decoder(max_bytes=1_000_000, watch=WatchList([]))


def decode(fields, headers=()) -> Event | Rejected:
    return decoder.decode(Record("logs.raw", 1, 2, NOON_MS, None, json.dumps(fields).encode(), headers))


def structured(**changes):
    return decode(
        {name: value for name, value in (ENVELOPE | {"data": PAYLOAD} | changes).items() if value is not None}
    )


def test_structured():
    event = structured(subject="s", myext="x")
    assert (event.event_id, event.event_time_ms, event.text) == ("ce-1", NOON_MS - 1_000, "paid order 7")
    assert json.loads(event.extra) == {"cloudevent": {"type": "log", "source": "/shop", "subject": "s", "myext": "x"}}


def test_structured_in_base64():
    data = base64.b64encode(json.dumps(PAYLOAD).encode()).decode()
    assert structured(data=None, data_base64=data).text == "paid order 7"


def test_the_envelope_speaks_before_the_payload():
    event = structured(data=PAYLOAD | {"id": "mine", "ts": NOON_MS - 5})
    assert (event.event_id, event.event_time_ms) == ("ce-1", NOON_MS - 1_000)


def test_without_a_time_of_its_own_the_payloads_counts():
    assert structured(time=None, data=PAYLOAD | {"ts": NOON_MS - 5}).event_time_ms == NOON_MS - 5
    assert structured(time=None).code == "missing_field"


def test_unknown_fields_of_the_data_are_kept_beside_the_envelopes():
    event = structured(data=PAYLOAD | {"more": [1]})
    assert json.loads(event.extra) == {"more": [1], "cloudevent": {"type": "log", "source": "/shop"}}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"data": None}, "missing_field"),
        ({"data": "text"}, "wrong_type"),
        ({"data": [1]}, "wrong_type"),
        ({"data": {"service": "shop"}}, "missing_field"),
        ({"data": None, "data_base64": "?"}, "not_json"),
        ({"data": None, "data_base64": "é"}, "not_json"),
        ({"data": None, "data_base64": 5}, "wrong_type"),
        ({"data": None, "data_base64": base64.b64encode(b"[").decode()}, "not_json"),
        ({"id": 5}, "wrong_type"),
        ({"time": 5}, "wrong_type"),
        ({"time": "noon"}, "bad_timestamp"),
        ({"specversion": 1}, "wrong_type"),
    ],
)
def test_bad_envelopes(changes, code):
    assert structured(**changes).code == code


def test_the_content_type_makes_it_an_envelope():
    headers = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
    assert decode({"data": PAYLOAD}, headers).code == "missing_field"
    assert "specversion" in decode({"data": PAYLOAD}, headers).detail
    assert decode(ENVELOPE | {"data": PAYLOAD}, headers).event_id == "ce-1"


def test_binary():
    event = decode(PAYLOAD, BINARY)
    assert (event.event_id, event.event_time_ms, event.text) == ("ce-1", NOON_MS - 1_000, "paid order 7")
    assert json.loads(event.extra) == {"cloudevent": {"type": "log"}}


def test_binary_with_unknown_fields():
    assert json.loads(decode(PAYLOAD | {"more": 1}, BINARY).extra) == {"more": 1, "cloudevent": {"type": "log"}}


@pytest.mark.parametrize("odd", [b"\xff\xfe", b"", b"a\x00b"])
def test_a_header_that_is_no_text_is_no_failure(odd):
    headers = (("ce_specversion", b"1.0"), ("ce_id", odd), ("trace", odd), ("content-type", odd), ("", odd))
    assert decode(PAYLOAD | {"ts": NOON_MS}, headers).event_id == "logs.raw/1/2"


def test_other_headers_are_no_envelope():
    event = decode(PAYLOAD | {"ts": NOON_MS, "id": "mine"}, (("traceparent", b"00-ab"), ("ce_type", b"log")))
    assert (event.event_id, event.extra) == ("mine", "")
