"""The composition root of the page: routes, headers, what trouble looks like from outside."""

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from streams.errors import StoreAway, StoreRefused
from streams.serve import asking
from streams.serve.answers import Answer, Answers
from streams.serve.guard import Guard, allowed_hosts
from streams.serve.meter import Meter
from streams.serve.store import Store
from streams.serve.trouble import reason_of
from streams.settings import Settings

STATIC: Final = Path(__file__).parent / "static"

Ask = Callable[[Any], Awaitable[Answer | asking.Refused]]


def now_ms() -> int:
    """The clock."""
    return time.time_ns() // 1_000_000


def build(settings: Settings, *, clock_ms: Callable[[], int] = now_ms) -> Starlette:
    """The page and its read API over the store that the settings name. The store may be away, now or later."""
    store, meter = Store(settings), Meter()
    answers = Answers(store, windows=settings.window_seconds)
    hosts = allowed_hosts(settings.page, listed=settings.page_hosts)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await store.close()

    questions: dict[str, tuple[type[msgspec.Struct], Ask]] = {
        "overview": (asking.Overview, lambda ask: answers.overview(ask, now_ms=clock_ms())),
        "trend": (asking.Trend, lambda ask: answers.trend(ask, now_ms=clock_ms())),
        "top": (asking.Top, lambda ask: answers.top(ask, now_ms=clock_ms())),
        "alerts": (asking.Alerts, answers.alerts),
        "events": (asking.Events, lambda ask: answers.events(ask, now_ms=clock_ms())),
    }
    routes = [Route(f"/api/{name}", _api(kind, ask, store, meter)) for name, (kind, ask) in questions.items()]
    routes += [
        Route("/", _page),
        Route("/healthz", _healthz),
        Route("/readyz", _readyz(answers, store, meter)),
        Route("/metrics", meter.page),
    ]
    return Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=STATIC))],
        middleware=[Middleware(Guard, hosts=hosts), Middleware(meter.middleware)],
        exception_handlers={404: _nothing_here, 405: _other_method},
        lifespan=lifespan,
    )


def _api(kind: type[msgspec.Struct], ask: Ask, store: Store, meter: Meter) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        question = asking.asked(kind, request.query_params)
        try:
            answer = question if isinstance(question, asking.Refused) else await ask(question)
        except (StoreAway, StoreRefused) as error:
            reason = reason_of(error, store.address)
            meter.store_up.set(reason["error"] == "too_much")  # it is there, and this was more than it gives a reader
            return _json(reason, status=503)
        if isinstance(answer, asking.Refused):
            return _json({"error": "bad_request", "detail": answer.detail}, status=400)
        meter.store_up.set(1)
        return _tagged(request, answer)

    return endpoint


def _tagged(request: Request, answer: Answer) -> Response:
    body = msgspec.json.encode(answer)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _json(answer: Answer, *, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(answer),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def _page(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


async def _healthz(_request: Request) -> Response:
    return _json({"alive": True})


async def _nothing_here(request: Request, _error: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return _json({"error": "not_found", "detail": f"there is no {request.url.path}; see docs/api.md"}, status=404)
    return PlainTextResponse("There is nothing at this address. The page is at /.\n", status_code=404)


async def _other_method(request: Request, error: Exception) -> Response:
    headers = (error.headers if isinstance(error, HTTPException) else None) or {"Allow": "GET"}
    detail = f"{request.url.path} takes {headers['Allow']}, not {request.method}"
    answer = _json({"error": "method_not_allowed", "detail": detail}, status=405)
    answer.headers.update(headers)
    return answer


def _readyz(answers: Answers, store: Store, meter: Meter) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_request: Request) -> Response:
        try:
            await answers.ready()
        except (StoreAway, StoreRefused) as error:
            meter.store_up.set(0)
            return _json({"ready": False} | reason_of(error, store.address), status=503)
        meter.store_up.set(1)
        return _json({"ready": True})

    return endpoint
