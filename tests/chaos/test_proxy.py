"""The proxy does what its modes say."""

import asyncio
import contextlib

import httpx
import pytest
from aiohttp import web

from tests.chaos.proxy import MODES, Proxy


@pytest.fixture
async def store():
    """Counts what it was asked."""
    asked = []

    async def answer(request):
        asked.append(len(await request.read()))
        return web.Response(text="stored")

    app = web.Application()
    app.add_routes([web.post("/", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1], asked
    await runner.cleanup()


@pytest.mark.parametrize("mode", MODES)
async def test_what_each_mode_lets_through(store, mode):
    port, asked = store
    async with Proxy(port) as proxy, httpx.AsyncClient(base_url=f"http://127.0.0.1:{proxy.port}") as client:
        assert (await client.post("/", content=b"x")).text == "stored"
        proxy.mode, answer = mode, None
        began = asyncio.get_running_loop().time()
        with contextlib.suppress(httpx.TransportError):
            answer = await client.post("/", content=b"x" * 9_000)
        took_s = asyncio.get_running_loop().time() - began
        proxy.mode = "through"
        assert (await client.post("/", content=b"x")).text == "stored"
    said = answer and (answer.status_code, answer.text)
    assert said == {"through": (200, "stored"), "slow": (200, "stored"), "500": (500, "sorry")}.get(mode)
    assert (9_000 in asked) == (mode in ("through", "slow", "lost", "torn"))
    assert (proxy.spoilt > 0) == (mode != "through")
    assert mode != "slow" or took_s >= 1.0


async def test_it_tells_when_the_store_was_given_an_insert(store):
    async with Proxy(store[0]) as proxy, httpx.AsyncClient(base_url=f"http://127.0.0.1:{proxy.port}") as client:
        await client.post("/", content=b"SELECT 1")
        assert not proxy.inserting.is_set()
        await client.post("/", content=b"INSERT INTO events")
        assert proxy.inserting.is_set()
