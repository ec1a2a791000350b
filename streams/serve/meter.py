"""Metrics of the page's own process."""

import math
import time

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Meter:
    """Counts what one page answers, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "pulsewire_page_requests", "Requests answered", ("path", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "pulsewire_page_seconds", "Time to answer a request", ("path",), registry=self.registry
        )
        self.store_up = Gauge(
            "pulsewire_page_store_up", "1 if the store answered when it was last asked", registry=self.registry
        )
        self.store_up.set(math.nan)  # until it was asked: neither up nor down, which no alert takes for down

    async def page(self, _request: Request) -> Response:
        """What Prometheus reads."""
        return Response(generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """`app`, counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            status, began = 500, time.perf_counter()

            async def noted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, noted)
            finally:
                if scope["type"] == "http":
                    path = _label(scope)
                    self._requests.labels(path, str(status)).inc()
                    self._seconds.labels(path).observe(time.perf_counter() - began)

        return counted


def _label(scope: Scope) -> str:
    """A path with few values: what nobody serves is 'other'."""
    path = str(scope["path"])
    if path.startswith("/static/"):
        return "/static"
    return path if "endpoint" in scope else "other"
