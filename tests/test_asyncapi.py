"""The contract on paper is the contract in the code: topics, keys, and what is really encoded fits its schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.core.alert import Alert, AlertWindow, Evidence, alert_id, encode_alert, fingerprint_of
from streams.core.codec import encode_window, rfc3339
from streams.core.decode import CODES, Decoder
from streams.core.entities import WatchList
from streams.core.event import Event, Findings, Record, Rejected, Sample, Scored
from streams.core.message import dead_letter, encode_sample, encode_scored, shortened
from streams.core.payloads import REQUIRED, TYPES
from streams.core.rules import RULES
from streams.core.window import WindowRow
from streams.topology import DIMENSIONS, DLQ, KIND_OF, KINDS, RAW, SCORED, topics
from tests.serve.town import happenings

DOCUMENT: dict[str, Any] = yaml.safe_load(Path("docs/contract/asyncapi.yaml").read_text(encoding="utf-8"))
META = json.loads(Path("tests/infra/schemas/asyncapi-3.0.0.json").read_text(encoding="utf-8"))
CHANNELS: dict[str, Any] = DOCUMENT["channels"]
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]


def validator(schema: str) -> jsonschema.Draft7Validator:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return jsonschema.Draft7Validator({"components": {"schemas": SCHEMAS}, "allOf": [reference]})


def complaints(schema: str, value: Any) -> list[str]:
    return [f"{list(e.absolute_path)}: {e.message}" for e in validator(schema).iter_errors(value)]


def message_of(channel: str) -> str:
    (reference,) = CHANNELS[channel]["messages"].values()
    return reference["$ref"].rpartition("/")[2]


def test_it_is_asyncapi_3():
    checker = jsonschema.Draft7Validator(META)
    assert not [f"{list(e.absolute_path)}: {e.message[:200]}" for e in checker.iter_errors(DOCUMENT)]
    assert list(checker.iter_errors(DOCUMENT | {"channels": {"x": {"adress": "x"}}}))


def test_every_topic_is_in_it_under_its_name():
    assert set(CHANNELS) == set(topics())
    assert all(channel["address"] == name for name, channel in CHANNELS.items())


def test_every_topic_is_produced_or_consumed():
    used = {
        operation["channel"]["$ref"].removeprefix("#/channels/"): operation["action"]
        for operation in DOCUMENT["operations"].values()
    }
    assert set(used) == set(CHANNELS)
    assert {name for name, action in used.items() if action == "receive"} == set(RAW.values())


def test_families_of_topics_share_a_message():
    assert {message_of(topic) for topic in DLQ.values()} == {"deadLetter"}
    assert {message_of(topic) for topic in SCORED.values()} == {"scored"}


@pytest.mark.parametrize(("kind", "schema"), [("news", "news"), ("logs", "log"), ("user", "action")])
def test_raw_payloads_have_the_fields_that_are_decoded(kind, schema):
    assert set(SCHEMAS[schema]["properties"]) == set(TYPES[kind].__struct_fields__)
    assert set(SCHEMAS[schema]["required"]) == {"ts", *REQUIRED[kind]}
    assert message_of(RAW[kind]) == schema


@pytest.mark.parametrize("message", sorted(MESSAGES))
def test_examples_fit_their_schemas(message):
    what = MESSAGES[message]
    assert what["examples"]
    for example in what["examples"]:
        assert not complaints(what["payload"]["$ref"].rpartition("/")[2], example["payload"])
        if "headers" in what:
            assert not complaints(what["headers"]["$ref"].rpartition("/")[2], example["headers"])


@pytest.mark.parametrize("topic", RAW.values())
def test_raw_examples_are_read(topic):
    decoder = Decoder(max_bytes=1_000_000, watch=WatchList([]))
    for example in MESSAGES[message_of(topic)]["examples"]:
        value = json.dumps(example["payload"], ensure_ascii=False).encode()
        record = Record(topic=topic, partition=0, offset=1, timestamp_ms=1_795_530_000_000, key=None, value=value)
        assert isinstance(decoder.decode(record), Event)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_schema_refuses_is_refused(kind):
    message, decoder = message_of(RAW[kind]), Decoder(max_bytes=1_000_000, watch=WatchList([]))
    payload = dict(MESSAGES[message]["examples"][0]["payload"])
    stamps = ["yesterday", -1, None, "2026-11-24T13:00:00", 1.5, [], True]
    damaged: list[Any] = [payload | {"ts": stamp} for stamp in stamps]
    for name in (*REQUIRED[kind], "ts"):
        damaged += [{k: v for k, v in payload.items() if k != name}, payload | {name: {}}, payload | {name: ""}]
    for value in (*damaged, [], None, "text", 3):
        assert complaints(message, value), value
        raw = json.dumps(value).encode()
        record = Record(topic=RAW[kind], partition=0, offset=1, timestamp_ms=1_795_530_000_000, key=None, value=raw)
        assert isinstance(decoder.decode(record), Rejected), value


@pytest.mark.parametrize("kind", KINDS)
def test_scored_events_and_samples_fit(kind):
    for scored in list(happenings(kind, end_ms=1_795_530_000_000, hours=1, seed=3))[:60]:
        assert not complaints("scored", json.loads(encode_scored(scored)))
        sample = Sample(reason="uncertain", scored=scored, picked_for_ms=scored.event.event_time_ms)
        assert not complaints("sample", json.loads(encode_sample(sample)))


def test_a_scored_event_has_exactly_the_fields_on_paper():
    event = Event(kind="news", topic="news.raw", partition=0, offset=0, event_id="e", event_time_ms=0, ingested_ms=0)
    encoded = json.loads(encode_scored(Scored(event, Findings())))
    assert set(encoded) == set(SCHEMAS["scored"]["properties"]) == set(SCHEMAS["scored"]["required"])


counts = st.integers(0, 2**40)


@given(
    st.builds(
        WindowRow,
        kind=st.sampled_from(KINDS), dimension=st.sampled_from(sorted({d for ds in DIMENSIONS.values() for d in ds})),
        key=st.text(min_size=1), window_seconds=st.sampled_from([60, 3600]), window_start_ms=st.integers(0, 10**13),
        topic=st.sampled_from(sorted(RAW.values())), partition=st.integers(0, 1000), events=counts, negative=counts,
        neutral=counts, positive=counts, sentiment_sum_e4=st.integers(-(2**45), 2**45), anomalies=counts,
        anomaly_max=st.floats(0, 1), errors=counts, last_offset=counts, watermark_ms=st.integers(0, 10**13),
    )
)  # fmt: skip
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_window_rows_fit(row):
    try:
        encoded = encode_window(row)
    except UnicodeEncodeError:  # half a surrogate pair: decoding lets none in
        return
    value = json.loads(encoded)
    assert not complaints("window", value)
    assert set(value) == set(SCHEMAS["window"]["properties"])
    assert not complaints("seriesKey", f"{row.kind}|{row.dimension}|{row.key}")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_alerts_fit(rule, status):
    kind, dimension = next(iter(rule.watches))
    at, fingerprint = rfc3339(1_795_530_000_000), fingerprint_of(rule.name, kind, dimension, "key")
    alert = Alert(
        id=alert_id(fingerprint, starts_at=at, revision=1), fingerprint=fingerprint, revision=1, status=status,
        rule=rule.name, severity="warning", labels={"kind": kind, "dimension": dimension, "key": "key"},
        annotations={"summary": "s", "description": "d"}, startsAt=at, endsAt=at, window=AlertWindow(at, 60), value=1.0,
        expected=2.0, score=3.0, evidence=(Evidence("logs.raw", 0, 1, "id", "文", 0.5),),
    )  # fmt: skip
    value = json.loads(encode_alert(alert))
    assert not complaints("alert", value)
    assert set(value) == set(SCHEMAS["alert"]["properties"])
    assert set(value["evidence"][0]) == set(SCHEMAS["alert"]["properties"]["evidence"]["items"]["properties"])
    assert rule.name in SCHEMAS["alert"]["properties"]["rule"]["examples"]


@pytest.mark.parametrize("topic", RAW.values())
@pytest.mark.parametrize("code", [*CODES, "refused", "failed"])
def test_dead_letters_fit(topic, code):
    trace = (("trace", b"\xfe"),)
    record = Record(topic=topic, partition=2, offset=9, timestamp_ms=0, key=b"\xff", value=b"\x00", headers=trace)
    letter = dead_letter(record, Rejected(code, "why"), topic=DLQ[topic], at_ms=1_795_530_000_000)
    headers = {name: value.decode() for name, value in letter.headers if name.startswith("pw-")}
    assert not complaints("deadLetterHeaders", headers)
    assert set(headers) == set(SCHEMAS["deadLetterHeaders"]["required"])
    cut = {name: value.decode() for name, value in shortened(letter).headers}
    assert not complaints("deadLetterHeaders", cut)
    assert set(cut) == set(SCHEMAS["deadLetterHeaders"]["properties"])
    assert code in SCHEMAS["deadLetterHeaders"]["properties"]["pw-error"]["examples"]
    assert (letter.topic, letter.key, letter.value) == (DLQ[topic], record.key, record.value)


def test_dimensions_and_labels_are_those_of_the_code():
    from models.labels import SENTIMENT, SEVERITY

    assert set(SCHEMAS["dimension"]["enum"]) == {d for dimensions in DIMENSIONS.values() for d in dimensions}
    assert set(SCHEMAS["kind"]["enum"]) == set(KINDS)
    properties = SCHEMAS["scored"]["properties"]
    assert set(properties["sentiment"]["enum"]) == {"", *SENTIMENT}
    assert set(properties["severity"]["enum"]) == {"", *SEVERITY}
    assert set(properties["topic"]["enum"]) == set(KIND_OF)
