"""Migrations: numbered SQL files, each applied once, recorded in ClickHouse with its hash, safe to repeat."""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient

from infra.clickhouse.retention import retain
from streams.adapters.clickhouse import DATABASE, INSERT, connect, store_errors
from streams.errors import PulsewireError
from streams.settings import Settings

_LEDGER: Final = """
CREATE TABLE IF NOT EXISTS migrations
(name String, sha256 String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY name
"""


class Migration(msgspec.Struct, frozen=True):
    """One file."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Of its text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self) -> Iterator[str]:
        """Its statements; one ends with a semicolon at the end of a line."""
        lines = [line for line in self.sql.splitlines() if not line.lstrip().startswith("--")]
        for statement in "\n".join(lines).split(";\n"):
            if text := statement.strip().rstrip(";"):
                yield text


def migrations() -> list[Migration]:
    """All that there are, in order."""
    folder = files("infra.clickhouse") / "migrations"
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [Migration(entry.name, entry.read_text()) for entry in sorted(found, key=lambda entry: entry.name)]


async def migrate(settings: Settings) -> list[str]:
    """Bring the database up to date, and how long it keeps rows; returns the names of what was applied now.

    Raises:
        StoreAway: ClickHouse does not answer.
        PulsewireError: a migration that was applied has been changed since.
    """
    await _create_database(settings)
    client = await connect(settings)
    try:
        with store_errors():
            await client.command(_LEDGER)
            done = dict((await client.query("SELECT name, sha256 FROM migrations FINAL")).result_rows)
        applied = [name for migration in migrations() if (name := await _apply(client, migration, done))]
        return applied + [f"retention of {table}" for table in await retain(client, settings)]
    finally:
        await client.close()


async def _create_database(settings: Settings) -> None:
    client = await connect(settings, database=None)
    try:
        with store_errors():
            await client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
    finally:
        await client.close()


async def _apply(client: AsyncClient, migration: Migration, done: dict[str, Any]) -> str | None:
    if migration.name in done:
        if done[migration.name] != migration.sha256:
            raise PulsewireError(f"migration {migration.name} was changed after it was applied: add a new one instead")
        return None
    with store_errors():
        for statement in migration.statements():
            await client.command(statement)
        await client.insert("migrations", [[migration.name, migration.sha256]], ["name", "sha256"], settings=INSERT)
    return migration.name
