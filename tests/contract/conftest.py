"""The store of the embedded stack, with our tables."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient

from infra.init import initialise
from streams.adapters.clickhouse import connect
from streams.settings import load_settings


@pytest.fixture
async def client(stack: Any) -> AsyncIterator[AsyncClient]:
    """A client that may write."""
    settings = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    await initialise(settings)
    made = await connect(settings)
    yield made
    await made.close()
