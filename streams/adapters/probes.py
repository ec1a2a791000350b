"""What a process shows to those who watch it: `/healthz`, `/readyz`, `/metrics`."""

import json
from collections.abc import Callable, Mapping

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from streams.adapters.metrics import REGISTRY

Checks = Callable[[], Mapping[str, str]]  # what is not ready, and why; empty when all is


class Probes:
    """A small HTTP server on loopback, or wherever the host says."""

    def __init__(self, checks: Checks, *, host: str, port: int) -> None:
        self._checks = checks
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Serve; returns the port.

        Raises:
            OSError: the port is taken.
        """
        app = web.Application()
        app.add_routes([web.get("/healthz", _alive), web.get("/readyz", self._ready), web.get("/metrics", _metrics)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        addresses: list[tuple[str, int]] = self._runner.addresses
        return addresses[0][1]

    async def stop(self) -> None:
        """Serve no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _ready(self, _request: web.Request) -> web.Response:
        missing = dict(self._checks())
        body = json.dumps({"ready": not missing, "waiting": missing})
        return web.Response(text=body, status=503 if missing else 200, content_type="application/json")


async def _alive(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})
