from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest import sources
from streams.ingest.csvrows import RECORD_CHARS, Records, sniff
from streams.ingest.item import Refusal
from streams.ingest.shape import Mapped, Shape
from tests.ingest.reading import everything, ignore, refusals, rows

HEADLINES = 'When,Headline,Price\n2026-01-02,"Up, up\nand away",1.5\n2026-01-03,Down,\n'
SHAPE = Shape(
    fields=(Mapped("ts", "When"), Mapped("title", "Headline"), Mapped("value", "Price", "float")),
    constants=(("source", "desk"),), time_format="%Y-%m-%d",
)  # fmt: skip


async def read(path, shape=SHAPE, *, encoding="utf-8-sig", delimiter=None, skip=0):
    plan = sources.Plan(shape, skip=skip)
    return await everything(sources.csv_rows([str(path)], plan, encoding=encoding, delimiter=delimiter, on_read=ignore))


async def test_columns_become_typed_fields_and_empty_cells_are_absent(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(HEADLINES)
    assert rows(await read(path)) == [
        {"ts": "2026-01-02T00:00:00.000Z", "title": "Up, up\nand away", "value": 1.5, "source": "desk"},
        {"ts": "2026-01-03T00:00:00.000Z", "title": "Down", "source": "desk"},
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
async def test_the_delimiter_is_found(tmp_path, delimiter):
    path = tmp_path / "a.csv"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([["ts", "title", "source"], ["1", 'He said: "a, b; c"', "x"], ["2", "d | e, f", "y"]])
    path.write_text(out.getvalue())
    found = rows(await read(path, Shape()))
    assert [row["title"] for row in found] == ['He said: "a, b; c"', "d | e, f"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "latin-1"])
async def test_encodings(tmp_path, encoding):
    title = "caf\u00e9" if encoding == "latin-1" else "股价大涨"
    path = tmp_path / "a.csv"
    path.write_bytes(f"title,source\n{title},x\n".encode(encoding))
    assert rows(await read(path, Shape(), encoding=encoding)) == [{"title": title, "source": "x"}]


async def test_a_line_in_another_encoding_is_refused_and_the_rest_is_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"title,source\n\xff\xfe,x\nfine,y\n")
    reads = await read(path, Shape())
    assert rows(reads) == [{"title": "fine", "source": "y"}]
    assert [(refusal.code, refusal.line) for refusal in refusals(reads)] == [("not_text", 2)]


async def test_rows_that_cannot_be(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("When,Headline,Price\n2026-01-02,a,dear\nsoon,b,1\n2026-01-02,c,1,2,3\n\n2026-01-02,d,1\n")
    reads = await read(path)
    assert [(refusal.code, refusal.line) for refusal in refusals(reads)] == [
        ("bad_value", 2), ("bad_timestamp", 3), ("bad_csv", 4),
    ]  # fmt: skip
    assert [row["title"] for row in rows(reads)] == ["d"]


async def test_a_column_without_a_name_is_left_out(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",title\n0,a\n")
    assert rows(await read(path, Shape())) == [{"title": "a"}]


async def test_skip_keeps_the_header(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("title\na\nb\nc\n")
    assert rows(await read(path, Shape(), skip=2)) == [{"title": "b"}, {"title": "c"}]


def test_a_quote_that_nobody_closes_costs_its_own_line_only():
    records = Records(",")
    lines = ['a,"open', *(f"row {n},1" for n in range(30_000)), "last,1"]
    assert sum(map(len, lines)) > RECORD_CHARS
    found = [pair for number, line in enumerate(lines, start=1) for pair in records.feed(number, line)]
    found += records.close()
    assert [number for number, cells in found if isinstance(cells, Refusal)] == [1]
    assert [number for number, cells in found if not isinstance(cells, Refusal)] == list(range(2, len(lines) + 1))


def test_a_quote_within_a_cell_is_a_quote():
    records = Records(",")
    assert list(records.feed(1, 'disk 5" wide,x')) == [(1, ['disk 5" wide', "x"])]


def test_one_column_is_taken_for_commas():
    assert sniff(["title", "a b", "c"]) == ","


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8) | st.sampled_from(
    ['"', '""', "a\nb"]
)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=6))
def test_whatever_the_csv_module_writes_is_read_again(table):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(table)
    records = Records(",")
    found = [pair for number, line in enumerate(out.getvalue()[:-1].split("\n")) for pair in records.feed(number, line)]
    assert [cells for _, cells in found] == [row for row in table if any(row)]


@given(st.lists(st.text(max_size=20)))
def test_any_lines_are_records_or_refusals(lines):
    records = Records(sniff(lines))
    for number, line in enumerate(lines):
        for _, found in records.feed(number, line.replace("\n", "")):
            assert isinstance(found, list | Refusal)
    assert all(isinstance(found, list | Refusal) for _, found in records.close())
