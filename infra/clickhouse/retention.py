"""How long rows are kept: a TTL on `events`, a longer one on `windows`, as the settings say."""

import re
from typing import Final

from clickhouse_connect.driver.asyncclient import AsyncClient

from streams.adapters.clickhouse import store_errors
from streams.settings import Settings

_ENGINE: Final = "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"
_DAYS: Final = re.compile(r" TTL stored_at \+ toIntervalDay\((?:_CAST\()?(\d+)")


async def retain(client: AsyncClient, settings: Settings) -> list[str]:
    """Have the tables of the client's database keep rows for so long; returns the names of those that were changed now.

    Changing it has ClickHouse read the table once; saying the same again costs nothing.

    Raises:
        StoreAway: ClickHouse does not answer.
    """
    wanted = {"events": settings.keep_events_days, "windows": settings.keep_windows_days}
    return [table for table, days in wanted.items() if await _keep(client, table, days)]


async def _keep(client: AsyncClient, table: str, days: int) -> bool:
    with store_errors():
        answer = await client.query(_ENGINE, parameters={"table": table})
        found = _DAYS.search(str(answer.result_rows[0][0]))
        if days == (int(found[1]) if found else 0):
            return False
        if days:
            await client.command(
                "ALTER TABLE {table:Identifier} MODIFY TTL stored_at + toIntervalDay({days:UInt32})",
                parameters={"table": table, "days": days},
            )
        else:
            await client.command("ALTER TABLE {table:Identifier} REMOVE TTL", parameters={"table": table})
    return True
