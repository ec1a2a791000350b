"""Rows go when they are due, on the real store."""

import datetime as dt

import pytest

from infra.clickhouse.migrate import migrations
from infra.clickhouse.retention import retain
from streams.adapters.clickhouse import connect
from streams.serve.queries import EXTENTS
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


async def test_extents_are_those_of_the_rows_whatever_was_merged_replaced_or_is_gone(tables):
    now = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    stored = dt.datetime.now(dt.UTC)
    names = ["kind", "dimension", "topic", "key", "window_seconds", "window_start", "last_offset", "stored_at"]

    async def put(*rows):
        await tables.insert("windows", [["news", *row] for row in rows], names)

    def row(dimension, days, offset, *, stored_days, seconds=60):
        moments = now - dt.timedelta(days=days), stored - dt.timedelta(days=stored_days)
        return [dimension, "news.raw", "k", seconds, moments[0], offset, moments[1]]

    async def extents():
        by_projection = await tables.query(f"EXPLAIN {EXTENTS}", parameters={"base": 60})
        assert "ReadFromMergeTree (extents)" in "\n".join(line for (line,) in by_projection.result_rows)
        answers = [
            {one[:2]: one[2:] for one in (await tables.query(sql, parameters={"base": 60})).result_rows}
            for sql in (EXTENTS, f"{EXTENTS} SETTINGS optimize_use_projections = 0")
        ]
        assert answers[0] == answers[1]
        day = 86_400_000
        at_ms = int(now.timestamp() * 1_000)
        return {
            name: ((at_ms - first) // day, (at_ms + 60_000 - last) // day)
            for (_, name), (first, last) in answers[0].items()
        }

    await put(row("all", 40, 1, stored_days=800), row("all", 3, 2, stored_days=1), row("lang", 2, 2, stored_days=1))
    await put(
        row("all", 3, 5, stored_days=0),
        row("all", 1, 6, stored_days=0),
        row("all", 90, 7, stored_days=0, seconds=3_600),
    )
    assert await extents() == {"all": (40, 1), "lang": (2, 2)}
    await tables.command("OPTIMIZE TABLE windows FINAL")
    assert await extents() == {"all": (40, 1), "lang": (2, 2)}
    await retain(tables, load_settings())
    await tables.command("OPTIMIZE TABLE windows FINAL")
    assert await extents() == {"all": (3, 1), "lang": (2, 2)}
