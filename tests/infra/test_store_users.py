"""`pulsewire` writes; `reader` can only select, within limits, whatever it tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from infra.embedded.clickhouse.errors import StoreError
from infra.embedded.clickhouse.users import READER_LIMITS, Users, reader_settings
from tests.infra.conftest import DATABASE, ODDLY_QUOTED

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

stack = pytest.mark.stack


@stack
def test_a_reader_reads(reader: Client):
    assert reader.query("SELECT sum(a) FROM readable").result_rows == [(3,)]
    assert reader.query_df("SELECT a FROM readable ORDER BY a").a.tolist() == [1, 2]
    assert reader.command("SHOW TABLES LIKE 'readable'") == "readable"
    assert "UInt64" in str(reader.command("DESCRIBE TABLE readable"))
    assert reader.command("EXISTS TABLE readable") == 1
    assert reader.query("(SELECT 1) UNION ALL (SELECT 1)").result_rows == [(1,), (1,)]
    assert reader.query("-- why\nWITH 1 AS x SELECT x").result_rows == [(1,)]


@stack
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO readable VALUES (9)",
        "INSERT INTO readable SELECT 9",
        "WITH 9 AS x INSERT INTO readable SELECT x",
        "/* SELECT */ INSERT INTO readable VALUES (9)",
        "INSERT INTO readable SELECT 9 SETTINGS readonly = 0",
        "SELECT 1; INSERT INTO readable VALUES (9)",
        "DROP TABLE readable",
        "TRUNCATE TABLE readable",
        "ALTER TABLE readable DELETE WHERE 1",
        "OPTIMIZE TABLE readable",
        "CREATE TABLE mine (a UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE mine (a UInt8)",
        "CREATE DATABASE mine",
        "SET readonly = 0",
        "SET max_execution_time = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1 INTO OUTFILE 'out.csv'",
        "SELECT 1 INTO/* /* */ */OUTFILE 'out.csv'",
        "EXPLAIN SELECT 1 INTO OUTFILE 'out.csv'",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT `f\\x69le`('/etc/passwd')",
        "SELECT FiLe/**/('/etc/passwd')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM executable('ls', 'TSV', 'a String')",
        "SELECT * FROM python(os)",
        *ODDLY_QUOTED,
        "KILL QUERY WHERE 1",
        "/* SELECT */ KILL QUERY WHERE 1",
        "SYSTEM FLUSH LOGS",
        "EXECUTE AS default SELECT 1",
        "GRANT SELECT ON *.* TO reader",
        "BACKUP TABLE readable TO File('x')",
    ],
)
def test_a_reader_does_nothing_else(reader: Client, client: Client, statement: str):
    with pytest.raises(DatabaseError, match=r"READONLY|ACCESS_DENIED|SYNTAX_ERROR"):
        reader.command(statement)
    assert client.query("SELECT sum(a) FROM readable").result_rows == [(3,)]


@stack
@pytest.mark.parametrize(
    "params",
    [
        {"readonly": "0"},
        {"readonly": "2"},
        {"session_id": "s", "readonly": "0"},
        {"user": "reader", "readonly": "0", "max_execution_time": "0"},
        {"database": "`; SET readonly = 0"},
        {"param_x": "0"},
    ],
)
def test_nothing_in_the_address_lifts_the_lock(http: httpx.Client, client: Client, params: dict[str, str]):
    query = f"INSERT INTO {DATABASE}.readable SELECT 9"
    assert http.post("/", params=params, content=query).status_code >= 400
    assert http.get("/", params={**params, "query": query}).status_code >= 400
    assert client.query("SELECT sum(a) FROM readable").result_rows == [(3,)]


@stack
@pytest.mark.parametrize("params", [{}, {"session_id": "mine"}, {"session_id": "mine", "readonly": "0"}])
def test_a_get_changes_nothing_whoever_sends_it(http: httpx.Client, client: Client, params: dict[str, str]):
    asked = {"user": "pulsewire", **params, "query": f"DROP TABLE {DATABASE}.readable"}
    assert http.get("/", params=asked).status_code >= 400
    assert http.get("/", params=asked | {"query": f"SELECT sum(a) FROM {DATABASE}.readable"}).text == "3\n"
    assert client.query("SELECT sum(a) FROM readable").result_rows == [(3,)]


@stack
@pytest.mark.parametrize(
    ("asked", "given"), [("5", 5), ("0", None), ("1000000000000", None), ("-1", None), ("x", None)]
)
def test_limits_can_only_be_lowered(http: httpx.Client, asked: str, given: int | None):
    for name, most in READER_LIMITS.items():
        answer = http.post("/", params={name: asked}, content=f"SELECT getSetting('{name}')")
        assert int(answer.text) == (given or most)


@stack
def test_memory_is_limited(http: httpx.Client):
    answer = http.post(
        "/", params={"max_memory_usage": "50000000"}, content="SELECT groupArray(number) FROM numbers(1e8)"
    )
    assert "MEMORY_LIMIT_EXCEEDED" in answer.text


@stack
def test_a_get_changes_nothing(http: httpx.Client, client: Client):
    query = f"INSERT INTO {DATABASE}.readable SELECT 9"
    assert http.get("/", params={"user": "pulsewire", "query": query}).status_code == 403
    assert http.get("/", params={"user": "pulsewire", "query": query, "readonly": "0"}).status_code == 403
    assert client.query("SELECT sum(a) FROM readable").result_rows == [(3,)]


@stack
@pytest.mark.parametrize(
    "way",
    [
        {"params": {"user": "pulsewire"}},
        {"auth": ("pulsewire", "")},
        {"headers": {"X-ClickHouse-User": "pulsewire", "X-ClickHouse-Key": ""}},
    ],
)
def test_three_ways_to_say_who_asks(http: httpx.Client, way: dict[str, Any]):
    assert http.post("/", content="SELECT getSetting('readonly')", **way).text == "0\n"


@stack
def test_who_says_nothing_is_a_reader(http: httpx.Client):
    assert http.post("/", content="SELECT getSetting('readonly')").text == "1\n"


@stack
@pytest.mark.parametrize(
    "way",
    [
        {"params": {"user": "nobody"}},
        {"params": {"user": "pulsewire", "password": "wrong"}},
        {"auth": ("default", "")},
        {"auth": ("reader", "wrong")},
        {"headers": {"X-ClickHouse-User": "nobody"}},
        {"headers": {"Authorization": "Basic !!"}},
    ],
)
def test_strangers_are_refused(http: httpx.Client, way: dict[str, Any]):
    answer = http.post("/", content="SELECT 1", **way)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "516")


@stack
def test_a_client_learns_that_it_is_unknown(where: dict[str, Any]):
    with pytest.raises(DatabaseError, match="AUTHENTICATION_FAILED"):
        clickhouse_connect.get_client(**where, username="nobody")


def test_passwords_are_asked_for():
    users = Users(writer_password="secret", reader_password="")
    assert users.recognise({}, {"user": "pulsewire", "password": "secret"}).writes
    assert not users.recognise({}, {}).writes
    with pytest.raises(StoreError, match="516"):
        users.recognise({}, {"user": "pulsewire"})


@pytest.mark.parametrize(
    "name", ["additional_result_filter", "output_format_schema", "format_schema", "max_rows_to_read", "log_comment"]
)
def test_settings_that_are_not_a_readers_to_choose(name: str):
    with pytest.raises(StoreError, match="READONLY"):
        reader_settings({name: "1"})


def test_the_lock_comes_last():
    assert list(reader_settings({"readonly": "0", "final": "1"}).items())[-1] == ("readonly", "1")
