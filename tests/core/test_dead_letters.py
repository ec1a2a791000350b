import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.dead_letters import again, dead_letter_of, from_line, replayed_from, to_line
from streams.core.event import Record, Rejected
from streams.core.message import dead_letter
from streams.topology import DLQ

NAMES = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda name: not name.startswith("pw-"))
RECORDS = st.builds(
    Record,
    topic=st.sampled_from(sorted(DLQ)),
    partition=st.integers(0, 99),
    offset=st.integers(0, 2**62),
    timestamp_ms=st.just(0),
    key=st.none() | st.binary(),
    value=st.none() | st.binary(),
    headers=st.lists(st.tuples(NAMES, st.binary())).map(tuple),
)


def buried(record: Record) -> Record:
    """The record as it lies on its dead-letter topic."""
    sent = dead_letter(record, Rejected("not_json", "no JSON"), topic=DLQ[record.topic], at_ms=0)
    return Record(sent.topic, 1, 5, 0, sent.key, sent.value, sent.headers)


@given(RECORDS)
def test_what_goes_back_is_what_came(record):
    letter = dead_letter_of(buried(record))
    assert letter.origin == f"{record.topic}/{record.partition}/{record.offset}"
    sent = again(letter)
    assert (sent.topic, sent.key, sent.value) == (record.topic, record.key, record.value)
    assert sent.headers == (*record.headers, ("pw-replayed-from", f"{DLQ[record.topic]}/1/5".encode()))
    assert replayed_from(sent.headers) == letter.position


@given(RECORDS)
def test_a_file_that_nobody_edited_sends_the_same(record):
    letter = dead_letter_of(buried(record))
    line = to_line(letter)
    assert b"\n" not in line
    assert from_line(line) == again(letter)


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.binary())).map(tuple))
def test_headers_of_strangers_are_no_trouble(headers):
    letter = dead_letter_of(Record("news.raw.dlq", 0, 0, 0, None, None, headers))
    assert letter.topic
    assert letter.error


def test_a_record_without_our_headers_belongs_to_the_topic_of_the_queue():
    letter = dead_letter_of(Record("logs.raw.dlq", 0, 7, 0, None, b"x"))
    assert (letter.topic, letter.offset, letter.error) == ("logs.raw", -1, "unknown")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b'{"position": "news.raw.dlq/0/0", "topic": "alerts", "text": "x"}',
        b'{"position": "news.raw.dlq/0/0", "topic": "news.raw", "text": "x", "value_base64": "eA=="}',
        b'{"position": "news.raw.dlq/0/0", "topic": "news.raw", "value_base64": "not base64!"}',
        b'{"position": "news.raw.dlq/0/0", "topic": "news.raw", "txt": "a typo"}',
        b"\xff",
    ],
)
def test_a_line_that_cannot_be_sent(line):
    assert isinstance(from_line(line), Rejected)


@given(st.binary())
def test_no_line_raises(line):
    from_line(line)


def test_a_repaired_text_is_sent():
    letter = dead_letter_of(buried(Record("news.raw", 0, 3, 0, b"k", b"{broken")))
    line = msgspec.json.decode(to_line(letter)) | {"text": '{"title": "mended"}'}
    sent = from_line(msgspec.json.encode(line))
    assert (sent.key, sent.value) == (b"k", b'{"title": "mended"}')
