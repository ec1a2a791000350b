"""A reader's own SQL: the bytes of the answer, as the server sends them.

A query that fails on its way ends its answer with the error (ClickHouse has sent 200 by then): the last bytes are held
back until it is known whether they are one.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from clickhouse_connect.driver.exceptions import ClickHouseError

from streams.adapters.clickhouse import connect
from streams.errors import PulsewireError, StoreAway
from streams.settings import Settings

HELD_BYTES: Final = 32_768  # ClickHouse cuts the message at 16 KiB
_EXCEPTION: Final = re.compile(rb"(?:\r\n)?__exception__\r\n(\w+)\r\n(.*)\n\d+ \1\r\n__exception__\s*\Z", re.DOTALL)
_AROUND: Final = re.compile(
    r"^.*?DB::Exception: | \(version [^()]*\)| \(for url [^()]*\)|: In scope .*(?= \([A-Z_]+\))"
)


@asynccontextmanager
async def raw_query(
    settings: Settings, sql: str, *, values: Mapping[str, str], form: str
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The answer in pieces. `form` is empty where the query names its own format.

    Raises:
        StoreAway: nothing answers at the address.
        PulsewireError: the server will not answer this, or not to the end; one line says why.
    """
    client = await connect(settings, reader=True)
    try:
        stream = await client.raw_stream(sql, parameters=dict(values) or None, fmt=form or None)
        async with stream as pieces:
            yield _to_the_end(pieces)
    except BrokenPipeError:  # whoever reads our output has had enough
        raise
    except ClickHouseError as error:
        raise PulsewireError(complaint(str(error))) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise StoreAway(f"ClickHouse at {settings.clickhouse} does not answer: {error}") from error
    finally:
        await client.close()


def complaint(text: str) -> str:
    """The server's own words on one line, without what the client and the version add."""
    return _AROUND.sub("", " ".join(text.split()))[:600]


async def _to_the_end(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held = b""
    async for piece in pieces:
        held += piece
        if len(held) > 2 * HELD_BYTES:
            yield held[:-HELD_BYTES]
            held = held[-HELD_BYTES:]
    if not (found := _EXCEPTION.search(held)):
        yield held
        return
    yield held[: found.start()]
    raise PulsewireError(complaint(found[2].decode(errors="replace")))
