"""The migration that lays windows out anew loses no row, wherever it is interrupted, and ends with the new order."""

import datetime as dt

import pytest

from infra.clickhouse.migrate import migrations
from streams.adapters.clickhouse import connect
from streams.settings import load_settings

pytestmark = pytest.mark.stack

NOW = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
COLUMNS = ["kind", "dimension", "key", "window_seconds", "window_start", "topic", "partition", "last_offset", "events"]
ALL = f"SELECT {', '.join(COLUMNS)} FROM windows FINAL ORDER BY ALL"
ORDER = "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = 'windows'"


def row(minute, offset):
    return ["news", "all", "all", 60, NOW - dt.timedelta(minutes=minute), "news.raw", 0, offset, offset + 1]


@pytest.fixture
async def anew(stack):
    """Makes a database of the test's own, at the version before."""
    settings = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    server, opened = await connect(settings, database=None), []

    async def make():
        await server.command("DROP DATABASE IF EXISTS by_time SYNC")
        await server.command("CREATE DATABASE by_time ENGINE = Atomic")
        opened.append(await connect(settings, database="by_time"))
        for migration in migrations():
            if migration.name < "0007":
                for statement in migration.statements():
                    await opened[-1].command(statement)
        return opened[-1]

    yield make
    await server.command("DROP DATABASE by_time SYNC")
    for client in [*opened, server]:
        await client.close()


async def test_it_may_be_interrupted_anywhere(anew):
    (migration,) = [one for one in migrations() if one.name.startswith("0007")]
    statements = list(migration.statements())
    for done in range(len(statements) + 1):
        client = await anew()
        await client.insert("windows", [row(minute, 10 * minute) for minute in range(9)], COLUMNS)
        for statement in statements[:done]:
            await client.command(statement)
        await client.insert("windows", [row(3, 1_000), row(10, 7)], COLUMNS)  # a worker went on meanwhile
        before = (await client.query(ALL)).result_rows
        for statement in statements:
            await client.command(statement)
        assert len(before) == 10
        assert (await client.query(ALL)).result_rows == before, f"interrupted after {done} statements"
        order = (await client.query(ORDER)).result_rows[0][0]
        assert order.startswith("kind, dimension, window_seconds, intDiv(")
