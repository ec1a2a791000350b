"""What goes wrong reaches a client as ClickHouse's own code, name and status."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import lz4.frame
import pytest
import zstandard
from clickhouse_connect.driver.exceptions import DatabaseError, Error

from tests.infra.conftest import ODDLY_QUOTED

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from clickhouse_connect.driver.client import Client

pytestmark = pytest.mark.stack

PULSEWIRE = {"user": "pulsewire"}
STATEMENT = b"SELECT 1"
KAFKA = (
    "ENGINE = Kafka SETTINGS kafka_broker_list = '127.0.0.1:1', kafka_topic_list = 'x', kafka_group_name = 'g', "
    "kafka_format = 'JSONEachRow'"
)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT * FROM nope", "UNKNOWN_TABLE"),
        ("SELECT nope", "UNKNOWN_IDENTIFIER"),
        ("SELECT nope()", "UNKNOWN_FUNCTION"),
        ("SELECT * FROM nope.nope", "UNKNOWN_DATABASE"),
        ("selec 1", "SYNTAX_ERROR"),
        ("INSERT INTO nope VALUES (1)", "UNKNOWN_TABLE"),
    ],
)
def test_statements(client: Client, statement: str, name: str):
    with pytest.raises(DatabaseError, match=name):
        client.command(statement)


def test_an_unknown_setting(connect: Callable[..., Client], http: httpx.Client):
    answer = http.get("/", params={"query": "SELECT 1", "nonsense": "1"})
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "164")
    answer = http.post("/", params={**PULSEWIRE, "nonsense": "1"}, content="SELECT 1")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (404, "115")


def test_a_value_of_the_wrong_type(client: Client):
    client.command("CREATE OR REPLACE TABLE typed (a UInt64) ENGINE=MergeTree ORDER BY a")
    with pytest.raises(DatabaseError, match=r"Code: 27|CANNOT_PARSE"):
        client.raw_insert("typed", column_names=["a"], insert_block='{"a":"xx"}\n', fmt="JSONEachRow")
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.insert("nope", [[1]], column_names=["a"])


def test_in_the_middle_of_a_stream(client: Client):
    sql = "SELECT throwIf(number = 2000000), number FROM numbers(3000000) SETTINGS max_block_size = 65536"
    with pytest.raises(Error, match="throwIf"), client.query_row_block_stream(sql) as stream:
        for _ in stream:
            pass
    assert client.command("SELECT 1") == 1


def test_too_slow(client: Client):
    with pytest.raises(DatabaseError, match="TIMEOUT_EXCEEDED"):
        client.query(
            "SELECT sum(sleepEachRow(0.1)) FROM numbers(30) SETTINGS max_block_size = 1",
            settings={"max_execution_time": 1},
        )


def test_several_statements_are_refused(client: Client):
    with pytest.raises(DatabaseError, match="SYNTAX_ERROR"):
        client.command("SELECT 1; SELECT 2")
    assert client.command("SELECT 1;") == 1


@pytest.mark.parametrize("verb", ["CREATE", "ATTACH", "CREATE OR REPLACE"])
def test_a_kafka_table_would_brick_the_store(client: Client, verb: str):
    with pytest.raises(DatabaseError, match="ACCESS_DENIED"):
        client.command(f"{verb} TABLE bricked (a String) {KAFKA}")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 INTO OUTFILE 'out.csv'",
        "select 1 into/**/outfile 'out.csv' FORMAT CSV",
        "INSERT INTO nope FROM INFILE '/etc/passwd' FORMAT CSV",
        "SELECT file('/etc/passwd')",
        "SELECT `fi\\x6ce`('/etc/passwd')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM python(os)",
        *ODDLY_QUOTED,
        "INSERT INTO nope /*VALUES*/ FROM INFILE '/etc/passwd' FORMAT LineAsString/**/",
        "INSERT INTO nope /* VALUES ( */ FROM INFILE '/etc/passwd' FORMAT LineAsString",
        "INSERT INTO nope /*FORMAT CSV*/ SELECT * FROM python(os)",
        "SELECT * FROM `Python`(os)",
        "INSERT INTO FUNCTION file('x.csv', 'CSV', 'a Int8') VALUES (1)",
        "CREATE TABLE outside (a String) ENGINE = URL('http://127.0.0.1:1/', 'CSV')",
        "CREATE USER somebody",
        "SYSTEM SHUTDOWN",
    ],
)
def test_nothing_outside_of_the_store(client: Client, statement: str):
    with pytest.raises(DatabaseError, match=r"ACCESS_DENIED|SYNTAX_ERROR"):
        client.command(statement)


def test_words_in_a_text_are_no_attack(client: Client):
    text = "INTO OUTFILE 'x'; SELECT file('y')"
    quoted = text.replace("'", "\\'")
    assert client.query(f"SELECT '{quoted}'").result_rows == [(text,)]
    assert client.query(f"SELECT '{quoted}' AS `it's INTO OUTFILE`").column_names == ("it's INTO OUTFILE",)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", STATEMENT),
        ("gzip", STATEMENT),
        ("gzip", gzip.compress(STATEMENT)[:-4]),
        ("lz4", lz4.frame.compress(STATEMENT)[:-4]),
        ("zstd", zstandard.compress(STATEMENT)[:-4]),
    ],
)
def test_a_body_that_is_no_archive_or_cut_off(http: httpx.Client, encoding: str, body: bytes):
    answer = http.post("/", params=PULSEWIRE, headers={"content-encoding": encoding}, content=body)
    assert answer.status_code == 500
    assert answer.text.startswith("Code: ")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"\x00", b"SELECT '\xff", b"(" * 5_000])
def test_any_bytes_get_an_answer(http: httpx.Client, body: bytes):
    assert http.post("/", params=PULSEWIRE, content=body).status_code in {200, 400, 500}
    assert http.get("/ping").text == "Ok.\n"


def test_bytes_that_are_no_text_are_kept(http: httpx.Client, client: Client):
    client.command("CREATE OR REPLACE TABLE raw_bytes (t String) ENGINE=MergeTree ORDER BY t")
    http.post("/", params=PULSEWIRE, content=b"INSERT INTO checks.raw_bytes VALUES ('\xff')").raise_for_status()
    assert client.command("SELECT hex(t) FROM raw_bytes") == "FF"


def test_external_tables_are_refused_with_words(http: httpx.Client):
    answer = http.post("/", params={**PULSEWIRE, "query": "SELECT 1"}, files={"ext": b"1\n"})
    assert "External tables are not supported" in answer.text


def test_a_session_that_must_exist(http: httpx.Client):
    params: dict[str, Any] = {**PULSEWIRE, "session_id": "never", "session_check": 1}
    assert http.post("/", params=params, content="SELECT 1").status_code == 404
