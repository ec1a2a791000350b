"""Decoding never raises, and says what is wrong in a code."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.decode import CODES, MAX_NAME, REMEMBERED, Decoder, _remembered
from streams.core.entities import WatchList
from streams.core.event import Event, Record, Rejected
from streams.core.names import spelt
from streams.core.template import template_id
from streams.topology import KIND_OF, RAW

NOON_MS = 1_795_521_600_000  # 2026-11-24T12:00:00Z
DAY_MS = 86_400_000
MAX_BYTES = 1_048_576
NEWS = {
    "id": "n1", "ts": "2026-11-24T12:00:00Z", "source": "wire", "title": "Apple rises", "body": "More.",
    "url": "https://a.example/?token=abc", "lang": "EN-us", "entities": ["Tesla", "Apple"],
}  # fmt: skip
LOG = {
    "id": "l1",
    "ts": NOON_MS,
    "service": "shop",
    "message": "paid order 7 of joe@example.com",
    "host": "web-1",
    "level": "ERROR",
}
ACTION = {
    "id": "u1",
    "ts": NOON_MS,
    "user_id": "joe",
    "action": "search",
    "item_id": "i",
    "text": "退款在哪里",
    "value": 3,
}
SOUND = {"news.raw": NEWS, "logs.raw": LOG, "user.events": ACTION}
REQUIRED = {
    "news.raw": ("ts", "source", "title"),
    "logs.raw": ("ts", "service", "message"),
    "user.events": ("ts", "user_id", "action"),
}

decoder = Decoder(max_bytes=MAX_BYTES, watch=WatchList([("Apple", ("苹果",)), ("Meta", ())]))


def decode(topic: str, value, **around) -> Event | Rejected:
    raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return decoder.decode(
        Record(topic=topic, partition=3, offset=9, timestamp_ms=NOON_MS, **({"key": None, "value": raw} | around))
    )


@pytest.mark.parametrize(
    ("topic", "name"),
    [("news.raw", "source"), ("logs.raw", "service"), ("logs.raw", "host"), ("user.events", "user_id"),
     ("user.events", "action"), ("user.events", "item_id")],
)  # fmt: skip
def test_a_name_has_an_end(topic, name):
    """A series of 200,000 characters had a server refuse each question about it, and its worker wait for ever."""
    assert isinstance(decode(topic, SOUND[topic] | {name: "x" * MAX_NAME}), Event)
    found = decode(topic, SOUND[topic] | {name: "x" * (MAX_NAME + 1)})
    assert (found.code, found.detail) == ("long_name", f"{name} has 4,097 characters, a name has 4,096 at most")


def test_an_entity_has_an_end():
    found = decode("news.raw", NEWS | {"entities": ["Apple", "x" * 5_000]})
    assert (found.code, found.detail) == ("long_name", "one of the entities has more than 4,096 characters")


def code(value, topic="news.raw") -> str:
    answer = decode(topic, value)
    assert isinstance(answer, Rejected), answer
    assert answer.code in CODES
    assert 0 < len(answer.detail) < 300
    return answer.code


def test_news():
    assert decode("news.raw", NEWS) == Event(
        kind="news", topic="news.raw", partition=3, offset=9, event_id="n1", event_time_ms=NOON_MS, ingested_ms=NOON_MS,
        source="wire", lang="en", entities=("Tesla", "Apple"), text="Apple rises\nMore.",
        url="https://a.example/?token=<secret>",
    )  # fmt: skip


def test_logs():
    template = "paid order <*> of <email>"
    assert decode("logs.raw", LOG) == Event(
        kind="logs", topic="logs.raw", partition=3, offset=9, event_id="l1", event_time_ms=NOON_MS, ingested_ms=NOON_MS,
        source="shop", service="shop", host="web-1", level="error", text="paid order 7 of <email>",
        template=template, template_id=template_id(template),
    )  # fmt: skip


def test_user():
    assert decode("user.events", ACTION) == Event(
        kind="user", topic="user.events", partition=3, offset=9, event_id="u1", event_time_ms=NOON_MS,
        ingested_ms=NOON_MS, lang="zh", user_id="joe", action="search", item_id="i", text="退款在哪里", value=3.0,
    )  # fmt: skip


@pytest.mark.parametrize("given_", [" Café ", "Cafe\u0301", "\tCafe\u0301\u3000"])
def test_what_looks_alike_is_one_name(given_):
    news = decode("news.raw", NEWS | {"source": given_, "entities": [given_, "Café"]})
    assert (news.source, news.entities[0], len(news.entities)) == ("Café", "Café", 2)  # and Apple, which is found
    line = decode("logs.raw", LOG | {"service": given_, "host": given_})
    assert (line.source, line.service, line.host) == ("Café",) * 3
    action = decode("user.events", ACTION | dict.fromkeys(("user_id", "action", "item_id"), given_))
    assert (action.user_id, action.action, action.item_id) == ("Café",) * 3


@pytest.mark.parametrize("topic", SOUND)
def test_optional_fields_may_be_absent_or_null(topic):
    bare = {name: SOUND[topic][name] for name in REQUIRED[topic]}
    nulls = dict.fromkeys(set(SOUND[topic]) - set(bare))
    event = decode(topic, bare)
    assert isinstance(event, Event)
    assert event == decode(topic, bare | nulls)
    assert event.event_id == f"{topic}/3/9"
    assert decode(topic, bare | {"id": ""}).event_id == f"{topic}/3/9"


def test_unknown_fields_are_kept_and_redacted():
    event = decode("news.raw", NEWS | {"desk": {"password": "x", "mail": "a@b.co"}, "n": 2**70, "none": None})
    assert json.loads(event.extra) == {"desk": {"password": "<secret>", "mail": "<email>"}, "n": 2**70, "none": None}
    assert event.text == "Apple rises\nMore."


def test_ids_and_entities_that_hold_a_secret_are_not_kept():
    news = decode("news.raw", NEWS | {"id": "https://a.example/?token=abc", "entities": ["joe@example.com", "Tesla"]})
    assert news.event_id == sha256(b"https://a.example/?token=abc").hexdigest()
    assert news.entities == ("<email>", "Tesla", "Apple")
    action = decode("user.events", ACTION | {"item_id": "13812345678", "user_id": "joe@example.com"})
    assert action.item_id == sha256(b"13812345678").hexdigest()
    assert action.user_id == "joe@example.com"  # users are counted by it
    enveloped = decode("logs.raw", LOG, headers=(("ce_specversion", b"1.0"), ("ce_type", b"x"), ("ce_source", b"/"),
                                                 ("ce_id", b"joe@example.com")))  # fmt: skip
    assert enveloped.event_id == sha256(b"joe@example.com").hexdigest()


def test_names_of_unknown_fields_are_redacted():
    assert json.loads(decode("logs.raw", LOG | {"joe@example.com": 1}).extra) == {"<email> 1": 1}


@pytest.mark.parametrize(
    ("written", "level"), [("ERROR   ", "error"), ("[Error]", "error"), ("ERROR:", "error"), (" - ", ""), (None, "")]
)
def test_a_level_is_read_without_what_a_log_puts_around_it(written, level):
    """Pythons pad it (`%(levelname)-8s`): what is no level that we know counts as no error, whatever the line says."""
    assert decode("logs.raw", LOG | {"level": written}).level == level


def test_of_a_field_given_twice_the_last_counts():
    assert decode("logs.raw", b'{"ts":1,"service":"s","message":5,"message":"two"}').text == "two"


def test_a_byte_order_mark_is_passed_over():
    assert decode("news.raw", b"\xef\xbb\xbf" + json.dumps(NEWS).encode()) == decode("news.raw", NEWS)


def test_a_key_that_is_no_utf8_is_no_failure():
    record = Record("news.raw", 3, 9, NOON_MS, b"\xff\xfe", json.dumps(NEWS).encode(), (("x", b"\xff"),))
    assert decoder.decode(record) == decode("news.raw", NEWS)


def nested(levels: int, *, opening: str = "[", closing: str = "]") -> bytes:
    deep = opening * levels + "1" + closing * levels
    return json.dumps(NEWS)[:-1].encode() + b', "deep": ' + deep.encode() + b"}"


def with_raw(field: str, raw: bytes, sound: dict = NEWS) -> bytes:
    """A sound payload, but for one field, which is written as these bytes."""
    return json.dumps({**sound, field: "@@"}).encode().replace(b'"@@"', raw)


def test_short_lines_are_remembered_and_long_ones_are_not():
    _remembered.cache_clear()
    for length in (REMEMBERED, REMEMBERED, REMEMBERED + 1, REMEMBERED + 1):
        event = decode("logs.raw", LOG | {"message": f"paid {'x' * (length - 5)}"})
        assert (len(event.text), event.template_id) == (length, template_id(event.template))
    assert (_remembered.cache_info().hits, _remembered.cache_info().currsize) == (1, 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "tombstone"),
        (b"", "not_json"),
        (b"  \n", "not_json"),
        (b"not json", "not_json"),
        (b"{", "not_json"),
        (b'{"a":01}', "not_json"),
        (b"\x00\x01avro", "not_json"),
        (b"\xff\xfe\xff", "not_json"),
        (json.dumps(NEWS).encode() + b"}", "not_json"),
        (with_raw("title", b'"a\nb"'), "not_json"),
        (b"[]", "wrong_type"),
        (b"null", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"12", "wrong_type"),
        (NEWS | {"title": 5}, "wrong_type"),
        (NEWS | {"title": None}, "wrong_type"),
        (NEWS | {"title": ["a"]}, "wrong_type"),
        (NEWS | {"id": 5}, "wrong_type"),
        (NEWS | {"entities": "Apple"}, "wrong_type"),
        (NEWS | {"entities": [1]}, "wrong_type"),
        (NEWS | {"ts": 1.5}, "wrong_type"),
        (NEWS | {"ts": True}, "wrong_type"),
        (NEWS | {"ts": {}}, "wrong_type"),
        (with_raw("extra", b"1e999"), "wrong_type"),
        (NEWS | {"source": " "}, "missing_field"),
        (NEWS | {"title": ""}, "empty_text"),
        (NEWS | {"title": " \t\u3000"}, "empty_text"),
        (NEWS | {"ts": None}, "missing_field"),
        (NEWS | {"ts": ""}, "bad_timestamp"),
        (NEWS | {"ts": "0000-01-01T00:00:00Z"}, "bad_timestamp"),
        (NEWS | {"ts": "9999-12-31T23:59:59Z"}, "bad_timestamp"),
        (NEWS | {"ts": "1969-12-31T23:59:59Z"}, "bad_timestamp"),
        (NEWS | {"ts": -1}, "bad_timestamp"),
        (NEWS | {"ts": 10**300}, "bad_timestamp"),
        (NEWS | {"ts": NOON_MS // 1_000}, "bad_timestamp"),
        (NEWS | {"ts": "tomorrow"}, "bad_timestamp"),
        (NEWS | {"ts": NOON_MS + DAY_MS + 1}, "bad_timestamp"),
        (with_raw("title", b'"\xff"'), "bad_unicode"),
        (with_raw("other", b'"\xff"'), "bad_unicode"),
        (with_raw("title", b'"\xed\xa0\x80"'), "bad_unicode"),
        (with_raw("title", b'"\\ud800"'), "bad_unicode"),
        (with_raw("title", b'"\\udc00\\ud800"'), "bad_unicode"),
        (with_raw("other", b'{"a\\ud800": 1}'), "bad_unicode"),
        (with_raw("title", b'"a\\u0000b"'), "bad_unicode"),
        (with_raw("title", b'"a\x00b"'), "bad_unicode"),
        (with_raw("other", b'[{"\\u0000": 1}]'), "bad_unicode"),
        (nested(64), "too_deep"),
        (nested(1_000), "too_deep"),
        (nested(100_000), "too_deep"),
        (nested(100_000, opening='{"a":', closing="}"), "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (with_raw("title", b"[" * 100_000 + b"]" * 100_000), "too_deep"),
        (b" " * (MAX_BYTES + 1), "too_large"),
        (NEWS | {"body": "x" * 5_000_000}, "too_large"),
        (b"[" * 5_000_000, "too_large"),
    ],
)
def test_bad_input(value, expected):
    assert code(value) == expected


def test_key_and_headers_count_too():
    """They go into what is published of an event, which Kafka must take."""
    heavy = b"x" * MAX_BYTES
    for around in ({"key": heavy}, {"headers": (("ce_id", b"1"), ("ce_subject", heavy))}):
        assert decode("news.raw", NEWS, **around).code == "too_large"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"NaN", "wrong_type"),
        (b"-Infinity", "wrong_type"),
        (b"1e999", "wrong_type"),
        (b'"3"', "wrong_type"),
        (b"true", "wrong_type"),
        (b"9" * 400, "wrong_type"),
        (b"9" * 5_000, "wrong_type"),
    ],
)
def test_values_that_are_no_numbers(raw, expected):
    assert code(with_raw("value", raw, ACTION), "user.events") == expected


@pytest.mark.parametrize("digits", [20, 400, 4_299, 4_300, 4_301, 5_000, 100_000])
@pytest.mark.parametrize("field", ["ts", "other"])
def test_integers_of_any_length_are_answered(field, digits):
    assert isinstance(decode("news.raw", with_raw(field, b"9" * digits)), Event | Rejected)


@pytest.mark.parametrize(("topic", "field"), [(topic, field) for topic, fields in REQUIRED.items() for field in fields])
def test_each_required_field_is_missed_by_name(topic, field):
    answer = decode(topic, {name: value for name, value in SOUND[topic].items() if name != field})
    assert answer.code == "missing_field"
    assert field in answer.detail


def test_what_is_sound_stays_sound_at_the_limits():
    assert isinstance(decode("news.raw", nested(63)), Event)
    assert isinstance(decode("news.raw", NEWS | {"ts": NOON_MS + DAY_MS}), Event)
    assert isinstance(decode("news.raw", json.dumps(NEWS).encode().ljust(MAX_BYTES)), Event)
    assert isinstance(
        decode("news.raw", NEWS | {"title": "[" * 10_000 + '"{'}), Event
    )  # brackets in a text are no nesting
    assert decode("news.raw", NEWS | {"title": "\\u0000"}).text.startswith("\\u0000")  # six characters, no NUL
    assert decode("news.raw", with_raw("title", b'"\\ud83d\\ude00"')).text.startswith("😀")


def test_the_future_is_told_by_the_record_alone():
    late = Record("news.raw", 3, 9, NOON_MS - 1, None, json.dumps(NEWS | {"ts": NOON_MS + DAY_MS}).encode())
    assert decoder.decode(late).code == "bad_timestamp"


def test_every_code_is_in_the_table():
    from streams.core import decode as module

    assert all(f"`{name}`" in module.__doc__ for name in CODES)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
names = texts.filter(str.strip)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200), st.sampled_from(sorted(KIND_OF)))
def test_never_raises_on_bytes(raw, topic):
    assert isinstance(decode(topic, raw), Event | Rejected)


@given(st.sampled_from(sorted(KIND_OF)), st.data())
def test_never_raises_on_mutated_payloads(topic, data):
    raw = bytearray(json.dumps(SOUND[topic], ensure_ascii=data.draw(st.booleans())).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 8))] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\\u0000", b"\\ud800", b"NaN", b"[[", b'"', b"}"])
        )
    assert isinstance(decode(topic, bytes(raw)), Event | Rejected)


@given(
    st.sampled_from(sorted(KIND_OF)),
    st.dictionaries(
        st.sampled_from(["specversion", "type", "source", "id", "time", "data", "data_base64"]) | texts,
        values,
        max_size=6,
    ),
    st.booleans(),
)
def test_never_raises_on_odd_fields(topic, fields, sound):
    assert isinstance(decode(topic, {**(SOUND[topic] if sound else {}), **fields}), Event | Rejected)


@given(
    st.lists(
        st.tuples(
            st.text(max_size=5) | st.sampled_from(["ce_id", "ce_time", "ce_specversion", "content-type"]),
            st.binary(max_size=8),
        ),
        max_size=5,
    )
)
def test_never_raises_on_odd_headers(headers):
    assert isinstance(decode("user.events", ACTION, headers=tuple(headers)), Event | Rejected)


@given(names, names, texts, st.integers(10**10, NOON_MS), st.dictionaries(texts.map("x".__add__), values, max_size=4))
def test_what_was_sent_comes_back(service, message, host, ts, unknown):
    event = decode("logs.raw", {"ts": ts, "service": service, "message": message, "host": host, **unknown})
    assert (event.service, event.host) == (spelt(service), spelt(host))
    assert (event.event_time_ms, event.event_id) == (ts, "logs.raw/3/9")
    kept = json.loads(event.extra) if event.extra else {}
    assert kept.keys() == unknown.keys()


@given(names, st.sampled_from(sorted(RAW.values())))
def test_an_id_that_is_given_is_kept(given_id, topic):
    assert decode(topic, SOUND[topic] | {"id": given_id}).event_id == given_id


@given(st.binary(max_size=100), st.integers(0, 60))
def test_the_answer_does_not_depend_on_the_stack(raw, frames):
    value = with_raw("deep", b"[" * frames + json.dumps(raw.hex()).encode() + b"]" * frames)

    def deeper(left: int):
        return deeper(left - 1) if left else decode("news.raw", value)

    assert deeper(200) == decode("news.raw", value)
