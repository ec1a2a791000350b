"""Clients of the embedded store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clickhouse_connect.driver.client import Client

    from tests.conftest import RunningStack

DATABASE = "checks"
# A quote of one kind within one of the other, and behind it what nobody may
ODDLY_QUOTED = (
    "SELECT 1 AS `a'` INTO OUTFILE 'out.csv'",
    "SELECT 1 AS \"a'\" INTO OUTFILE 'out.csv'",
    "SELECT 1 AS `a'`, file('/etc/passwd') AS `b'`",
    "SELECT 1 AS `a'` FROM python(os)",
)


@pytest.fixture(scope="session")
def where(stack: RunningStack) -> dict[str, Any]:
    """The store's host and port, as the clients want them."""
    address = urlsplit(stack.addresses.clickhouse)
    return {"host": address.hostname, "port": address.port}


@pytest.fixture(scope="session")
def connect(where: dict[str, Any]) -> Iterator[Callable[..., Client]]:
    """Makes clients, as `pulsewire` unless told otherwise, and closes them."""
    made: list[Client] = []

    def make(**options: Any) -> Client:
        made.append(clickhouse_connect.get_client(**{**where, "username": "pulsewire", **options}))
        return made[-1]

    make().command(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE=Atomic")
    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="session")
def client(connect: Callable[..., Client]) -> Client:
    """The writer, in a database of the checks' own."""
    return connect(database=DATABASE, autogenerate_session_id=False)


@pytest.fixture(scope="session")
def reader(client: Client, connect: Callable[..., Client]) -> Client:
    """The reader, in the same database."""
    client.command("CREATE TABLE IF NOT EXISTS readable (a UInt64) ENGINE=MergeTree ORDER BY a")
    client.command("TRUNCATE TABLE readable")
    client.command("INSERT INTO readable VALUES (1), (2)")
    return connect(database=DATABASE, username="reader")


@pytest.fixture
def http(stack: RunningStack) -> Iterator[httpx.Client]:
    """A bare HTTP client, as curl would be."""
    with httpx.Client(base_url=stack.addresses.clickhouse, trust_env=False, timeout=30) as bare:
        yield bare
