"""ClickHouse as the page sees it: questions in, plain rows out, as the user `reader`."""

import asyncio
from typing import Any, Final

from clickhouse_connect.driver.asyncclient import AsyncClient

from streams.adapters.clickhouse import connect, store_errors
from streams.errors import StoreAway
from streams.settings import Settings

PATIENCE_S: Final = 15.0

Row = dict[str, Any]


class Store:
    """One shared connection, opened when it is first needed and again after trouble."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: AsyncClient | None = None
        self._opening = asyncio.Lock()

    @property
    def address(self) -> str:
        """Where it should be."""
        return self._settings.clickhouse

    async def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[Row]:
        """The rows that a SELECT gives, each by its column's name.

        Raises:
            StoreAway: it does not answer, or not with rows.
            StoreRefused: it will not take these values.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                client = await self._connected()
                with store_errors():
                    result = await client.query(sql, parameters=parameters)
        except TimeoutError as error:
            raise StoreAway(f"{self.address} did not answer within {PATIENCE_S:.0f} s") from error
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    async def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await connect(self._settings, reader=True)
            return self._client
