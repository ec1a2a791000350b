"""Rows go when they are due, on the real store."""

import datetime as dt

import pytest

from infra.clickhouse.migrate import migrations
from infra.clickhouse.retention import retain
from streams.adapters.clickhouse import connect
from streams.settings import load_settings

pytestmark = pytest.mark.stack


@pytest.fixture
async def tables(stack):
    """Our tables in a database of the test's own."""
    settings = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    server = await connect(settings, database=None)
    await server.command("CREATE DATABASE IF NOT EXISTS retention ENGINE = Atomic")
    client = await connect(settings, database="retention")
    for migration in migrations():
        for statement in migration.statements():
            await client.command(statement)
    yield client
    await server.command("DROP DATABASE retention")
    await client.close()
    await server.close()


async def kept(client, table):
    await client.command(f"OPTIMIZE TABLE {table} FINAL")
    return (await client.query(f"SELECT offset FROM {table} ORDER BY offset")).result_rows


async def test_what_is_older_than_it_may_be_goes(tables):
    now = dt.datetime.now(dt.UTC)
    ages = [now - dt.timedelta(days=days) for days in (100, 80, 0)]
    rows = [["news", "news.raw", 0, offset, now - dt.timedelta(days=3_000), at] for offset, at in enumerate(ages)]
    names = ["kind", "topic", "partition", "offset", "event_time", "stored_at"]
    await tables.insert("events", rows, names)
    assert len(await kept(tables, "events")) == 3, "nothing is set yet"
    assert await retain(tables, load_settings()) == ["events", "windows"]
    assert await kept(tables, "events") == [(1,), (2,)], "by when it was stored, not by its own time"
    assert await retain(tables, load_settings()) == [], "it is safe to repeat"
    assert await retain(tables, load_settings(keep_events_days=10)) == ["events"]
    assert await kept(tables, "events") == [(2,)]
    assert await retain(tables, load_settings(keep_events_days=0, keep_windows_days=0)) == ["events", "windows"]
    await tables.insert("events", rows[:1], names)
    assert await kept(tables, "events") == [(0,), (2,)], "for ever"


async def test_windows_go_by_when_they_were_last_written(tables):
    now = dt.datetime.now(dt.UTC)
    names = ["kind", "topic", "partition", "key", "window_start", "last_offset", "stored_at"]
    rows = [
        ["news", "news.raw", 0, key, now, 7, now - dt.timedelta(days=days)] for key, days in (("a", 800), ("b", 700))
    ]
    await tables.insert("windows", rows, names)
    await retain(tables, load_settings())
    await tables.command("OPTIMIZE TABLE windows FINAL")
    assert (await tables.query("SELECT key FROM windows")).result_rows == [("b",)]
