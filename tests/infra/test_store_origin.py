"""No web site has the embedded store do anything, by way of a browser of this machine."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from infra.embedded.clickhouse.app import Front
from infra.embedded.clickhouse.users import Users
from infra.embedded.errors import StackError

DROP = "DROP TABLE pulsewire.events"


class Engine(SimpleNamespace):
    """Counts what gets as far as the engine, and runs nothing."""

    asked = 0

    def canonical(self, sql: bytes) -> str:
        return sql.decode()

    def connect(self) -> Any:
        self.asked += 1
        raise StackError("asked")


@pytest.fixture
def engine() -> Engine:
    return Engine(version="25.8", timezone="UTC")


async def answer(
    engine: Engine, method: str = "POST", *, host: str = "127.0.0.1:8123", **headers: str
) -> httpx.Response:
    app = Front(cast("Any", engine), Users()).app()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{host}") as client:
        params = {"user": "pulsewire", "session_id": "any", "query": DROP}
        return await client.request(method, "/", params=params, headers=sent)


def is_denied(answered: httpx.Response) -> bool:
    return answered.status_code == 403 and "ACCESS_DENIED" in answered.text


@pytest.mark.parametrize("site", ["https://evil.example", "null", "http://127.0.0.1:8080"])
async def test_a_site_that_posts_a_statement_is_refused(engine, site):
    assert is_denied(await answer(engine, origin=site))
    assert not engine.asked


@pytest.mark.parametrize("said", ["cross-site", "same-site"])
async def test_a_site_that_shows_a_statement_as_an_image_is_refused(engine, said):
    assert is_denied(await answer(engine, "GET", sec_fetch_site=said))
    assert not engine.asked


@pytest.mark.parametrize("host", ["evil.example:8123", "127.0.0.1.evil.example", "192.168.0.5:8123", "[fe80::1]:8123"])
async def test_a_name_that_somebody_points_at_us_is_refused(engine, host):
    refused = await answer(engine, host=host, sec_fetch_site="same-origin")
    assert is_denied(refused)
    assert "use 127.0.0.1" in refused.text
    assert not engine.asked


@pytest.mark.parametrize("host", ["127.0.0.1:8123", "localhost:8123", "[::1]:8123", "127.0.0.1"])
async def test_programs_of_this_machine_get_through(engine, host):
    await answer(engine, host=host)
    assert engine.asked


async def test_who_types_the_address_gets_through(engine):
    await answer(engine, "GET", sec_fetch_site="none")
    assert engine.asked
