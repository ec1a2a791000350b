"""The one way to ClickHouse: how we connect, and what its errors mean to us."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from streams.errors import StoreAway, StoreRefused, plainly
from streams.settings import Settings

DATABASE: Final = "pulsewire"

# ClickHouse's codes for "these values will never fit": all others may pass with time or with an operator's help.
_DATA_CODES: Final = frozenset((6, 27, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 349, 407))

INSERT: Final = {
    # Our rows replace themselves, so nothing has to be told apart from its repetition; and it must not be: ClickHouse
    # notes a block as seen before it keeps its part, so what is repeated after a SIGKILL between the two is dropped
    "insert_deduplicate": 0,
    "async_insert": 0,  # the answer comes when the rows are stored
    "min_insert_block_size_rows": 0,  # one insert is one block: a multi-block insert is not atomic
    "min_insert_block_size_bytes": 0,
    "max_partitions_per_insert_block": 0,  # a batch may bring events of any month since 1970
}


async def connect(settings: Settings, *, reader: bool = False, database: str | None = DATABASE) -> AsyncClient:
    """A client that any number of tasks may share.

    Raises:
        StoreAway: nothing answers at the address, or it refuses us.
    """
    url = urlsplit(settings.clickhouse)
    user = settings.clickhouse_reader if reader else settings.clickhouse_user
    password = settings.clickhouse_reader_password if reader else settings.clickhouse_password
    with store_errors():
        return await clickhouse_connect.get_async_client(
            host=url.hostname,
            port=url.port or (8443 if url.scheme == "https" else 8123),
            interface=url.scheme,
            username=user,
            password=password.get_secret_value(),
            database=database,
            ca_cert=str(settings.clickhouse_ca_file) if settings.clickhouse_ca_file else None,
            autogenerate_session_id=False,
            compress=False,
            form_encode_query_params=True,
            send_receive_timeout=60,
        )


class Inserts:
    """Puts rows into tables, one block each; what the columns are is asked once for each table."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._types: dict[str, Sequence[Any]] = {}

    async def put(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Store the rows, if there are any.

        Raises:
            StoreAway, StoreRefused: see `store_errors`.
        """
        if not rows:
            return
        data, names = list(zip(*rows, strict=True)), list(columns)
        types = self._types.pop(table, None)
        with store_errors():
            if types is None:
                types = (await self._client.create_insert_context(table, names)).column_types
            await self._client.insert(
                table, data, column_names=names, column_types=types, column_oriented=True, settings=INSERT
            )
        self._types[table] = types  # forgotten after trouble: a migration may have changed them


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the client's exceptions into ours.

    Raises:
        StoreAway: wait and try again.
        StoreRefused: the values do not fit; trying again cannot help.
    """
    try:
        yield
    except DatabaseError as error:
        if error.code in _DATA_CODES:
            raise StoreRefused(plainly(error)) from error
        raise StoreAway(plainly(error)) from error
    except (ClickHouseError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise StoreAway(plainly(error)) from error
