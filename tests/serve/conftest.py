"""A store of its own for the page's tests: a made-up day of 1987, so that nothing else counts in it."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from infra.clickhouse.migrate import migrate
from infra.embedded.ports import free_port
from streams.adapters.clickhouse import connect
from streams.serve.app import build
from streams.settings import Settings, load_settings
from tests.serve import town

END_MS = 561_758_400_000  # 1987-10-20T20:00:00Z
NOW_MS = 1_800_000_000_000  # 2027: the replay lies long ago


@contextmanager
def a_store(path: Path) -> Iterator[str]:
    """The address of a store without tables, for as long as it is needed."""
    port = free_port()
    command = [sys.executable, "-m", "infra.embedded.clickhouse", "--port", str(port)]
    command += ["--path", str(path)]
    with subprocess.Popen(command, env=dict(os.environ)) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait(address)
            yield address
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the store that these tests share."""
    with a_store(tmp_path_factory.mktemp("page") / "store") as address:
        yield address


@pytest.fixture(scope="session")
def counts() -> dict[str, int]:
    """How many events of each kind the store holds once `settled` is done."""
    return {}


@pytest.fixture
async def settled(store: str, counts: dict[str, int]) -> Settings:
    """Settings for a store that holds the made-up day."""
    settings = load_settings(clickhouse=store)
    if not counts:
        await migrate(settings)
        client = await connect(settings)
        counts.update(await town.settle(client, end_ms=END_MS, hours=24))
        await client.close()
    return settings


@pytest.fixture
async def page(settled: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The page over the made-up day."""
    async with asking(settled) as client:
        yield client


@asynccontextmanager
async def asking(
    settings: Settings, *, clock_ms: Callable[[], int] = lambda: NOW_MS, host: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a page, from the page's start to its end."""
    app = build(settings, clock_ms=clock_ms)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client,
    ):
        yield client


def _wait(address: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"{address}/ping", timeout=5).close()  # noqa: S310
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
