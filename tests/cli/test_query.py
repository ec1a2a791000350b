from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streams.adapters import raw_query
from streams.adapters.raw_query import _to_the_end, complaint
from streams.errors import PulsewireError
from tests.cli.ends import failed_with, wrong_usage

if TYPE_CHECKING:
    from tests.cli.conftest import Program

stack = pytest.mark.stack


@stack
def test_tab_separated_without_names_where_no_terminal_is(on_stack: Program):
    done = on_stack("query", "select number, 'a\tb' from numbers(2);")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"0\ta\\tb\n1\ta\\tb\n", b"")


@stack
def test_json_and_csv(on_stack: Program):
    assert json.loads(on_stack("query", "select 1 as a, '汉' as b", "--json").stdout) == {"a": 1, "b": "汉"}
    assert on_stack("query", "select 1 as a", "--csv").stdout == b'"a"\n1\n'


@stack
def test_sql_from_standard_input_with_a_format_of_its_own(on_stack: Program):
    done = on_stack("query", "-", stdin=b"select 1 as a format JSONCompactEachRow")
    assert json.loads(done.stdout) == [1]


@stack
def test_values_are_the_servers_business(on_stack: Program):
    evil = "x' OR 1=1 --\t汉"
    done = on_stack(
        "query", "select {name:String} as s, {n:UInt8} as n", "--json", "--param", f"name={evil}", "--param", "n=4"
    )
    assert json.loads(done.stdout) == {"s": evil, "n": 4}


@stack
def test_our_tables_are_there(on_stack: Program):
    sql = "select count() from events final union all select count() from trend"
    assert len(on_stack("query", sql).stdout.split()) == 2


@stack
def test_a_table_on_a_terminal(on_stack: Program):
    seen = on_stack.on_terminal("query", "select number as n, '[red]\x1b[31m' as s from numbers(1005)")
    assert "[red]\\x1b[31m" in seen
    assert "\x1b[31m" not in seen
    assert "the first 1,000 rows" in seen
    assert "\n999 " in seen
    assert "\n1000 " not in seen


@stack
@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("selec 1", "SYNTAX_ERROR"),
        ("select * from no_such_table", "UNKNOWN_TABLE"),
        ("drop table events", "ACCESS_DENIED"),
        ("select throwIf(number = 1000000) from numbers(2000000)", "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
    ],
)
def test_the_servers_no_is_one_line(on_stack: Program, sql: str, word: str):
    failed_with(on_stack("query", sql), word)


@stack
def test_a_reader_who_has_had_enough_is_no_failure(on_stack: Program):
    with on_stack.start("query", "select number from numbers(50000000)") as process:
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        assert process.stderr.read() == b""


def test_no_server(pulsewire: Program):
    failed_with(pulsewire("query", "select 1"), "127.0.0.1:1")


def test_wrong_usage():
    wrong_usage("query", says="Missing argument")
    wrong_usage("query", " ; ", says="the query is empty")
    wrong_usage("query", "select 1", "--param", "a", says="is not NAME=VALUE")
    wrong_usage("query", "select 1", "--param", "a=1", says="the query has no {a:Type}")
    wrong_usage("query", "select 1", "--json", "--csv", says="one format, please")


async def in_pieces(data: bytes, size: int):
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 1_000])
async def test_an_error_at_the_end_is_told_from_data(size: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raw_query, "HELD_BYTES", 200)
    rows = b"__exception__\r\nis a word\n" * 50
    whole = b"".join([piece async for piece in _to_the_end(in_pieces(rows, size))])
    assert whole == rows
    failed = rows + b"__exception__\r\nabcd\r\nCode: 1. DB::Exception: so sad. (SAD)\n40 abcd\r\n__exception__\r\n"
    got = []
    with pytest.raises(PulsewireError, match=r"^so sad. \(SAD\)$"):
        await collect(_to_the_end(in_pieces(failed, size)), got)
    assert b"".join(got) == rows


async def collect(pieces, got: list[bytes]) -> None:
    async for piece in pieces:
        got.append(piece)  # noqa: PERF401 - what came before the error counts


def test_a_complaint_is_the_servers_words_alone():
    text = (
        "error 62\nCode: 62. DB::Exception: no such: In scope SELECT 1. (X_Y) (version 26.9.2.1) (for url http://a:1)"
    )
    assert complaint(text) == "no such (X_Y)"


HEAVY = ("aiokafka", "clickhouse_connect", "faust", "numpy", "onnxruntime", "pandas", "torch")


def test_help_needs_nothing_heavy():
    code = f"import sys; from streams.__main__ import program; program(); print(*set({HEAVY}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
