"""ClickHouse: is it there, has it our tables, can readers only read."""

from collections.abc import Collection
from typing import Final

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from streams.adapters.clickhouse import connect, store_errors
from streams.adapters.event_store import EVENT_COLUMNS, SAMPLE_COLUMNS, WINDOW_COLUMNS
from streams.adapters.raw_query import complaint
from streams.doctor.finding import Finding, fail, ok, warn
from streams.errors import PulsewireError
from streams.remedies import remedy
from streams.settings import Settings

TABLES: Final = ("events", "windows", "alerts", "samples", "trend", "migrations")
WRITTEN: Final = {"events": EVENT_COLUMNS, "windows": WINDOW_COLUMNS, "samples": SAMPLE_COLUMNS}
OLDEST: Final = (25, 8)
_VERSION: Final = "SELECT version(), (SELECT count() FROM system.databases WHERE name = 'pulsewire')"
_TABLES: Final = "SELECT name FROM system.tables WHERE database = 'pulsewire'"
_COLUMNS: Final = "SELECT table, name FROM system.columns WHERE database = 'pulsewire'"
_MIGRATIONS: Final = "SELECT count(), max(name) FROM pulsewire.migrations FINAL"
_NOTHING: Final = "INSERT INTO pulsewire.samples SELECT * FROM pulsewire.samples WHERE 0"  # no row, but a reader's no


async def examine(settings: Settings) -> list[Finding]:
    """Version, tables, the reader."""
    try:
        client = await connect(settings, database=None)
    except PulsewireError as error:
        detail = f"{settings.clickhouse} does not answer as {settings.clickhouse_user}: {error}"
        return [fail("clickhouse", detail, remedy(error))]
    try:
        return await _examine(client, settings)
    except PulsewireError as error:
        return [fail("clickhouse", str(error), "look at its log")]
    finally:
        await client.close()


async def _examine(client: AsyncClient, settings: Settings) -> list[Finding]:
    with store_errors():
        version, has_database = (await client.query(_VERSION)).result_rows[0]
        names = {name for (name,) in (await client.query(_TABLES)).result_rows}
    found = [_version(version, settings.clickhouse)]
    if missing := sorted(set(TABLES) - names):
        what = f"no {', '.join(missing)}" if has_database else "there is no database pulsewire"
        return [*found, fail("tables", what, "run `pulsewire init`")]
    with store_errors():
        columns = {tuple(one) for one in (await client.query(_COLUMNS)).result_rows}
    if lacking := lacking_columns(columns):
        return [
            *found,
            fail("tables", f"no column {', '.join(lacking)}", "run `pulsewire init`: the workers wait for it"),
        ]
    with store_errors():
        count, last = (await client.query(_MIGRATIONS)).result_rows[0]
    found.append(ok("tables", f"all {len(TABLES)} are there; {count} migrations, the last is {last}"))
    return [*found, await _reader(settings)]


def lacking_columns(columns: Collection[tuple[str, str]]) -> list[str]:
    """What the workers write and the tables have not: a migration of this version was not applied."""
    return [f"{table}.{name}" for table, names in WRITTEN.items() for name in names if (table, name) not in columns]


def _version(version: str, address: str) -> Finding:
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if parts < OLDEST:
        return warn("clickhouse", f"{address} has version {version}", "use 25.8 or newer")
    return ok("clickhouse", f"{address} has version {version}")


async def _reader(settings: Settings) -> Finding:
    name = settings.clickhouse_reader
    try:
        client = await connect(settings, reader=True)
    except PulsewireError as error:
        advice = "set PULSEWIRE_CLICKHOUSE_READER and its password; the page and `query` need it"
        return fail("reader", f"{name} cannot log in: {error}", advice)
    try:
        await client.query("SELECT count() FROM trend")
        await client.command(_NOTHING)
    except ClickHouseError as error:
        why = complaint(str(error))
        refused = any(word in str(error) for word in ("readonly", "READONLY", "ACCESS_DENIED", "Not enough privileges"))
        return (
            ok("reader", f"{name} can only read") if refused else fail("reader", why, "grant it SELECT on pulsewire.*")
        )
    finally:
        await client.close()
    return fail("reader", f"{name} can write", "let it only select (readonly = 1): the page and `query` rest on it")
