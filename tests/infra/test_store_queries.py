"""Every way in which clickhouse-connect reads, its asynchronous client and DB-API too."""

from __future__ import annotations

import asyncio
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import clickhouse_connect
import pytest
from clickhouse_connect import dbapi

from tests.infra.conftest import DATABASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickhouse_connect.driver.client import Client

pytestmark = pytest.mark.stack

ROWS = 1_000
MANY = 1_000_000


@pytest.fixture(scope="module")
def table(client: Client) -> str:
    client.command(
        "CREATE OR REPLACE TABLE queried (t DateTime64(3, 'UTC'), dim LowCardinality(String), n UInt64, s Float64, "
        "tags Array(String), m Map(String, UInt64)) ENGINE=ReplacingMergeTree ORDER BY n"
    )
    client.command(
        "INSERT INTO queried SELECT toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + number, concat('d', "
        f"toString(number % 5)), number, number / 2, ['a', 'b'], map('x', number) FROM numbers({ROWS})"
    )
    return "queried"


def size(block: Any) -> int:
    return getattr(block, "num_rows", None) or len(block)


@pytest.mark.parametrize("compress", [True, False, "lz4", "zstd", "gzip"])
def test_compressions(connect: Callable[..., Client], compress: bool | str):
    assert connect(compress=compress).command("SELECT sum(number) FROM numbers(100000)") == 4999950000


def test_ping(client: Client):
    assert client.ping()


def test_the_time_zone_is_utc(client: Client):
    assert client.query("SELECT timezone(), toString(toDateTime(0))").result_rows == [("UTC", "1970-01-01 00:00:00")]


def test_types(client: Client, table: str):
    row = client.query(f"SELECT * FROM {table} WHERE n = 3", tz_mode="aware").result_rows[0]
    assert row == (dt.datetime(2026, 1, 1, 0, 0, 3, tzinfo=dt.UTC), "d3", 3, 1.5, ["a", "b"], {"x": 3})


def test_parameters_of_the_server(client: Client, table: str):
    total = client.query(
        f"SELECT count() FROM {table} FINAL "
        "WHERE dim = {d:String} AND t >= {t:DateTime64(3)} AND n IN {p:Array(UInt64)}",
        parameters={"d": "d1", "t": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "p": [1, 2, 6]},
    )
    assert total.result_rows == [(2,)]


@pytest.mark.parametrize("text", ["a'b\\c\td\n€", "", "a;b", "}{", "%s"])
def test_parameters_of_any_text(client: Client, text: str):
    assert client.query("SELECT {d:String}", parameters={"d": text}).result_rows == [(text,)]


def test_parameters_of_the_client(client: Client, table: str):
    assert client.query(f"SELECT count() FROM {table} WHERE dim = %(d)s", parameters={"d": "d1"}).result_rows == [
        (200,)
    ]


def test_parameters_in_a_form(connect: Callable[..., Client]):
    form = connect(form_encode_query_params=True)
    assert form.query("SELECT {d:String}", parameters={"d": "hello"}).result_rows == [("hello",)]


def test_frames_and_arrays(client: Client, table: str):
    assert client.query_df(f"SELECT n, s FROM {table} ORDER BY n LIMIT 3").to_dict("list") == {
        "n": [0, 1, 2],
        "s": [0.0, 0.5, 1.0],
    }
    assert client.query_np(f"SELECT n, s FROM {table} LIMIT 2").shape == (2,)
    assert client.query_arrow(f"SELECT n, tags FROM {table} LIMIT 3").num_rows == 3


@pytest.mark.parametrize(
    "method", ["query_row_block_stream", "query_rows_stream", "query_df_stream", "query_arrow_stream"]
)
def test_streams(client: Client, method: str):
    with getattr(client, method)(f"SELECT number FROM numbers({MANY // 10})") as stream:
        count = sum(1 if method == "query_rows_stream" else size(block) for block in stream)
    assert count == MANY // 10


def test_a_stream_may_be_left_early(client: Client):
    with client.query_row_block_stream("SELECT number FROM numbers(50000000)") as stream:
        assert next(iter(stream))
    assert client.command("SELECT 1") == 1


def test_raw(client: Client):
    assert client.raw_query("SELECT 1 AS a", fmt="JSONEachRow") == b'{"a":1}\n'
    with client.raw_stream(f"SELECT number FROM numbers({MANY})", fmt="CSV") as stream:
        assert stream.read().count(b"\n") == MANY


def test_no_rows_still_have_columns(client: Client, table: str):
    assert client.query(f"SELECT t, n FROM {table} LIMIT 0").column_names == ("t", "n")


def test_settings_hold_for_one_query(connect: Callable[..., Client]):
    session = connect(session_id="settings", settings={"max_threads": 2})
    ask = "SELECT getSetting('max_block_size'), getSetting('max_threads')"
    before = session.query(ask).result_rows
    assert session.query(ask, settings={"max_block_size": 1234, "max_threads": 1}).result_rows == [(1234, 1)]
    assert session.query(ask).result_rows == before


def test_a_session_keeps_its_temporary_table(connect: Callable[..., Client]):
    session = connect(session_id="temporary")
    session.command("CREATE TEMPORARY TABLE mine (a UInt8)")
    session.command("INSERT INTO mine VALUES (1)")
    assert session.command("SELECT count() FROM mine") == 1


def test_summary(client: Client, table: str):
    assert int(client.query(f"SELECT sum(n) FROM {table}").summary["read_rows"]) == ROWS


async def test_the_asynchronous_client(where: dict[str, Any]):
    client = await clickhouse_connect.get_async_client(
        **where, username="pulsewire", database=DATABASE, autogenerate_session_id=False
    )
    answers = await asyncio.gather(*[client.query("SELECT count() FROM numbers(1000)") for _ in range(20)])
    assert [answer.result_rows for answer in answers] == [[(1_000,)]] * 20
    await client.command("CREATE OR REPLACE TABLE asynchronous (a UInt64) ENGINE=MergeTree ORDER BY a")
    await client.insert("asynchronous", [[i] for i in range(5)], column_names=["a"])
    assert (await client.query("SELECT sum(a) FROM asynchronous")).result_rows == [(10,)]
    async with await client.query_row_block_stream(f"SELECT number FROM numbers({MANY})") as stream:
        assert sum([len(block) async for block in stream]) == MANY
    await client.close()


def test_threads_may_share_a_client(client: Client, table: str):
    def count(_: int) -> int:
        return int(client.command(f"SELECT count() FROM {table}"))

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(count, range(100))) == {ROWS}


def test_two_queries_in_one_session_are_refused(where: dict[str, Any], connect: Callable[..., Client], http: Any):
    params = {"user": "pulsewire", "session_id": "busy"}

    def ask(_: int) -> int:
        return int(http.post("/", params=params, content="SELECT sleep(0.5)").status_code)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, range(2))) == [200, 423]


def test_db_api(where: dict[str, Any]):
    connection = dbapi.connect(**where, username="pulsewire")
    cursor = connection.cursor()
    cursor.execute("SELECT 1, 2")
    assert cursor.fetchall() == [(1, 2)]
    connection.close()
