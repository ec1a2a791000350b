from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest import sources
from streams.ingest.item import Item, Refusal
from streams.ingest.jsonl import read_line
from streams.ingest.lines import LineSplitter
from streams.ingest.presets import PRESETS, combine
from streams.ingest.shape import Mapped, Shape, Shaper, first_sentence, parse_map, parse_pair
from tests.ingest.reading import everything, ignore, refusals, rows

NOW_MS = 1_764_000_000_000


def shaper(shape: Shape = Shape(), **rest) -> Shaper:  # noqa: B008 - it is frozen
    return Shaper(shape, now_ms=lambda: NOW_MS, **rest)


def read(line: bytes, shape: Shape = Shape(), **rest) -> Item | Refusal | None:  # noqa: B008
    return read_line(line, number=7, source="a.jsonl", shaper=shaper(shape, **rest))


def row(line: bytes, shape: Shape, **rest) -> dict:
    item = read(line, shape, **rest)
    assert isinstance(item, Item), item
    return json.loads(item.value)


def test_a_line_that_no_rule_touches_goes_byte_for_byte():
    line = b'{ "ts" : 1,\t"title":"caf\\u00e9",  "a": 1.0e0 }'
    item = read(line)
    assert isinstance(item, Item)
    assert (item.value, item.line, item.key) == (line, 7, None)


@pytest.mark.parametrize("line", [b"nope", b"[1]", b'"a"', b"12", b"{", b'{"a":NaN}', b'{"a":"\xff"}', b"[" * 5_000])
def test_what_is_no_object_is_refused_with_its_place(line):
    refusal = read(line)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.source, refusal.line) == ("not_json", "a.jsonl", 7)


def test_blank_lines_are_nothing():
    assert read(b"  \t ") is None


def test_map_set_and_types():
    shape = Shape(
        fields=(Mapped("title", "head.line"), Mapped("id", "nr", "str"), Mapped("tags", "labels", "list")),
        constants=(("source", "wire"),),
    )
    assert row(b'{"head":{"line":"Up"},"nr":7,"labels":"a; b","kept":null}', shape) == {
        "head": {"line": "Up"}, "kept": None, "title": "Up", "id": "7", "tags": ["a", "b"], "source": "wire",
    }  # fmt: skip


def test_a_name_may_be_swapped_with_another():
    shape = Shape(fields=(Mapped("a", "b"), Mapped("b", "a")))
    assert row(b'{"a":1,"b":2}', shape) == {"a": 2, "b": 1}


def test_a_value_that_is_not_of_the_type_is_refused():
    refusal = read(b'{"price":"dear"}', Shape(fields=(Mapped("value", "price", "float"),)))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "bad_value"
    assert "price" in refusal.detail


@pytest.mark.parametrize("title", [b"null", b'""'])
def test_an_empty_field_falls_back_to_the_first_sentence_of_another(title):
    line = b'{"title":' + title + b',"body":"Cocoa rose. It then fell."}'
    assert row(line, Shape(fallbacks=(("title", "body"),)))["title"] == "Cocoa rose."


def test_the_first_sentence_of_chinese_and_of_endless_text():
    assert first_sentence("股价大涨。随后回落。") == "股价大涨。"
    assert len(first_sentence("word " * 500)) <= 200


@pytest.mark.parametrize(
    ("bad_time", "expected"),
    [("previous", "2026-01-02T00:00:00.000Z"), ("now", "2025-11-24T16:00:00.000Z"), ("refuse", None)],
)
def test_a_time_that_cannot_be_read(bad_time, expected):
    ours = shaper(Shape(time_format="%Y-%m-%d", bad_time=bad_time))
    ours.item({"ts": "2026-01-02"}, line=1, source="")
    item = ours.item({"ts": "2026-01-99"}, line=2, source="")
    if expected is None:
        assert isinstance(item, Refusal)
        assert item.code == "bad_timestamp"
    else:
        assert isinstance(item, Item)
        assert json.loads(item.value)["ts"] == expected


def test_the_first_event_can_be_moved_to_now_and_the_others_with_it():
    ours = shaper(shift_ms=None)
    moved = [ours.item({"ts": ts}, line=1, source="") for ts in ("2020-01-01T00:00:00Z", "2020-01-01T00:00:10Z")]
    assert [json.loads(item.value)["ts"] for item in moved if isinstance(item, Item)] == [
        "2025-11-24T16:00:00.000Z",
        "2025-11-24T16:00:10.000Z",
    ]


def test_a_key_is_the_value_of_a_field():
    item = read('{"source":"晨岸","n":5}'.encode(), Shape(key="source"))
    assert isinstance(item, Item)
    assert item.key == "晨岸".encode()
    other = read(b'{"n":5}', Shape(key="n"))
    assert isinstance(other, Item)
    assert other.key == b"5"


def test_the_reuters_preset_makes_news_of_a_row():
    line = b'{"id":3,"date":"27-MAR-1987 00:02:59.13RM","title":"","body":"Coffee rose. More.","topics":["coffee"]}'
    assert row(line, PRESETS["reuters"].shape) == {
        "id": "3", "ts": "1987-03-27T00:02:59.130Z", "title": "Coffee rose.", "body": "Coffee rose. More.",
        "topics": ["coffee"], "source": "reuters", "lang": "en",
    }  # fmt: skip


def test_options_given_beside_a_preset_win():
    shape = combine(PRESETS["reuters"].shape, Shape(constants=(("source", "mine"),), key="id"))
    assert dict(shape.constants) == {"source": "mine", "lang": "en"}
    assert shape.key == "id"
    assert shape.time_format == PRESETS["reuters"].shape.time_format


def test_options_are_read_or_refused():
    assert parse_map("id=nr:str") == Mapped("id", "nr", "str")
    assert parse_map("id=a:b") == Mapped("id", "a:b")
    assert parse_pair("a=b=c") == ("a", "b=c")
    for wrong in ("a", "=b", "a="):
        with pytest.raises(ValueError, match="name=value"):
            parse_pair(wrong)


async def test_files_are_read_in_order_gzip_too(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"n":1}\r\n\nnope\n{"n":2}')
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"n":3}\n'))
    paths = [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl.gz")]
    seen = []
    reads = await everything(sources.json_lines(paths, sources.Plan(Shape()), raw=False, on_read=seen.append))
    assert [found["n"] for found in rows(reads)] == [1, 2, 3]
    assert [(refusal.code, refusal.line) for refusal in refusals(reads)] == [("not_json", 3)]
    assert sum(seen) == sum((tmp_path / name).stat().st_size for name in ("a.jsonl", "b.jsonl.gz"))


async def test_raw_lines_go_as_they_are_and_skip_leaves_the_first_out(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\n\nnope\n{}\n")
    reads = await everything(sources.json_lines([str(path)], sources.Plan(Shape(), skip=1), raw=True, on_read=ignore))
    assert [item.value for item in reads if isinstance(item, Item)] == [b"nope", b"{}"]


@given(st.lists(st.binary(max_size=30)), st.integers(min_value=1, max_value=9))
def test_lines_do_not_depend_on_the_chunks(lines, size):
    data = b"\n".join(line.replace(b"\n", b"") for line in lines)
    splitter = LineSplitter()
    found = [pair for at in range(0, len(data), size) for pair in splitter.feed(data[at : at + size])]
    found += splitter.close()
    expected = data.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert found == [(number, line.removesuffix(b"\r")) for number, line in enumerate(expected, start=1)]


def test_a_line_that_is_too_long_is_given_as_none_and_the_next_ones_are_read():
    splitter = LineSplitter(limit_bytes=4)
    assert list(splitter.feed(b"abcd\nabc")) == [(1, b"abcd")]
    assert list(splitter.feed(b"de\nab\n")) == [(2, None), (3, b"ab")]


RULES = Shape(
    fields=(Mapped("ts", "t"), Mapped("n", "x", "int"), Mapped("j", "y", "json")),
    fallbacks=(("title", "body"),), time_format="%Y", key="k",
)  # fmt: skip


@given(st.binary())
def test_any_bytes_are_a_message_or_a_refusal(line):
    assert isinstance(read(line, RULES), Item | Refusal | None)


@given(
    st.dictionaries(
        st.sampled_from(["t", "x", "y", "k", "title", "body", "ts"]),
        st.recursive(st.none() | st.text() | st.floats() | st.integers(), st.lists, max_leaves=5),
    )
)
def test_any_row_is_a_message_or_a_refusal(fields):
    line = json.dumps(fields).encode()
    assert isinstance(read(line, RULES, timed=True, shift_ms=None), Item | Refusal)
