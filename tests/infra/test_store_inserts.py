"""Every way in which clickhouse-connect writes."""

from __future__ import annotations

import datetime as dt
import gzip
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

pytestmark = pytest.mark.stack

NAMES = ["ws", "dim", "part", "n", "s", "tags", "m", "ver"]
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ROWS = [
    [START + dt.timedelta(minutes=i), f"d{i % 5}", i % 3, i, i * 0.5, ["a", "b"], {"x": i}, 1] for i in range(1_000)
]
CREATE = (
    "CREATE OR REPLACE TABLE {} (ws DateTime64(3, 'UTC'), dim LowCardinality(String), part UInt16, n UInt64, "
    "s Float64, tags Array(String), m Map(String, UInt64), ver UInt64) ENGINE=ReplacingMergeTree(ver) "
    "PARTITION BY toYYYYMM(ws) ORDER BY (ws, dim, part)"
)


@pytest.fixture
def table(client: Client) -> str:
    client.command(CREATE.format("written"))
    return "written"


@pytest.fixture
def numbers(client: Client) -> str:
    client.command(
        "CREATE OR REPLACE TABLE written_numbers (a UInt64) ENGINE=MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    return "written_numbers"


def test_rows(client: Client, table: str):
    summary = client.insert(table, ROWS, column_names=NAMES)
    assert summary.written_rows == len(ROWS)
    first = client.query(f"SELECT * FROM {table} FINAL ORDER BY ws LIMIT 1", tz_mode="aware").result_rows[0]
    assert list(first) == ROWS[0]


def test_columns(client: Client, table: str):
    client.insert(table, [list(column) for column in zip(*ROWS, strict=True)], column_names=NAMES, column_oriented=True)
    assert client.command(f"SELECT sum(n) FROM {table}") == sum(row[3] for row in ROWS)


def test_a_data_frame(client: Client, table: str):
    client.insert_df(table, pd.DataFrame(ROWS, columns=NAMES))
    assert client.command(f"SELECT count() FROM {table}") == len(ROWS)


def test_an_arrow_table(client: Client, table: str):
    times = pa.array([row[0] for row in ROWS], pa.timestamp("ms", tz="UTC"))
    numbers = pa.array([row[3] for row in ROWS], pa.uint64())
    client.insert_arrow(table, pa.table({"ws": times, "n": numbers}))
    assert client.command(f"SELECT sum(n) FROM {table}") == sum(row[3] for row in ROWS)


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_raw_lines(client: Client, table: str, compression: str | None):
    line = b'{"ws":"2026-01-01 00:00:00.000","dim":"z","part":1,"n":5}\n'
    block = gzip.compress(line) if compression else line
    client.raw_insert(
        table,
        column_names=["ws", "dim", "part", "n"],
        insert_block=block,
        fmt="JSONEachRow",
        compression=compression,
    )
    assert client.query(f"SELECT dim, n FROM {table}").result_rows == [("z", 5)]


@pytest.mark.parametrize("rows", [500_000, 2_000_000])
def test_a_large_insert_is_one_block(client: Client, numbers: str, rows: int):
    client.command(f"SYSTEM STOP MERGES {numbers}")
    client.insert(numbers, [list(range(rows))], column_names=["a"], column_oriented=True)
    assert client.query(f"SELECT count(), sum(a), uniqExact(_part) FROM {numbers}").result_rows == [
        (rows, rows * (rows - 1) // 2, 1)
    ]


def test_a_token_makes_a_repeat_harmless(client: Client, numbers: str):
    for _ in range(3):
        client.insert(numbers, [[1], [2]], column_names=["a"], settings={"insert_deduplication_token": "t"})
    assert client.command(f"SELECT count() FROM {numbers}") == 2


def test_an_asynchronous_insert_is_taken(client: Client, numbers: str):
    client.insert(numbers, [[3]], column_names=["a"], settings={"async_insert": 1, "wait_for_async_insert": 1})
    assert client.command(f"SELECT count() FROM {numbers}") == 1


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO {} VALUES (77), (78)", [77, 78]),
        ("INSERT INTO {} (a) VALUES (1+1)", [2]),
        ("INSERT INTO {} FORMAT Values (5)", [5]),
        ("insert into {} (a) format CSV\n8\n9\n", [8, 9]),
        ("INSERT INTO {} SELECT number FROM numbers(3)", [0, 1, 2]),
        ("INSERT INTO {} SETTINGS max_threads = 1 FORMAT TSV\n4\n", [4]),
    ],
)
def test_statements(client: Client, numbers: str, statement: str, expected: list[int]):
    client.command(statement.format(numbers))
    assert [row[0] for row in client.query(f"SELECT a FROM {numbers} ORDER BY a").result_rows] == expected


def test_texts_of_any_kind_come_back(client: Client):
    texts = [
        "plain",
        "",
        "it's",
        'a "quote"',
        "back\\slash",
        "tab\tnew\nline",
        "中文",
        "💥",
        "a; DROP TABLE x",
        "NUL \0 here",
    ]
    client.command("CREATE OR REPLACE TABLE written_texts (i UInt8, t String) ENGINE=MergeTree ORDER BY i")
    client.insert("written_texts", list(enumerate(texts)), column_names=["i", "t"])
    assert [row[0] for row in client.query("SELECT t FROM written_texts ORDER BY i").result_rows] == texts


def test_what_the_table_refuses_is_an_error_and_not_a_silence(client: Client) -> None:
    client.command("CREATE OR REPLACE TABLE small (a UInt32, CONSTRAINT low CHECK a < 5) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(DatabaseError, match="VIOLATED_CONSTRAINT"):
        client.insert("small", [[1], [9]], column_names=["a"])
    assert client.command("SELECT count() FROM small") == 0
    client.command("CREATE OR REPLACE TABLE many (a UInt32) ENGINE = MergeTree PARTITION BY a ORDER BY a")
    with pytest.raises(DatabaseError, match="TOO_MANY_PARTS"):
        client.insert("many", [[i] for i in range(101)], column_names=["a"])


def test_bytes_that_look_like_empty_lines_arrive(client: Client) -> None:
    client.command("CREATE OR REPLACE TABLE lines (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    client.insert("lines", [[0x0A0A, "x\n\n\ny"], [0x0A0A0A0A, "\n\n"]], column_names=["a", "b"])
    assert client.query("SELECT a, b FROM lines ORDER BY a").result_rows == [
        (0x0A0A, "x\n\n\ny"),
        (0x0A0A0A0A, "\n\n"),
    ]
