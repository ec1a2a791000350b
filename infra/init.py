"""`pulsewire init`: topics and tables on whatever the settings name. Safe to repeat."""

import asyncio

import msgspec

from infra.clickhouse.migrate import migrate
from infra.topics import create_topics
from streams.settings import Settings


class Initialised(msgspec.Struct, frozen=True):
    """What was made now; empty where all was there."""

    topics: list[str]
    migrations: list[str]


async def initialise(settings: Settings) -> Initialised:
    """Create what is missing.

    Raises:
        PulsewireError: the broker or the store is away, or will not.
    """
    topics, migrations = await asyncio.gather(create_topics(settings), migrate(settings))
    return Initialised(topics, migrations)
