"""The HTTP front: ClickHouse's interface, as its clients know it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from infra.embedded.clickhouse.errors import read_error
from infra.embedded.clickhouse.execute import Answer, execute
from infra.embedded.clickhouse.origin import require_local
from infra.embedded.clickhouse.request import Call, read_call
from infra.embedded.clickhouse.session import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from infra.embedded.clickhouse.engine import Engine
    from infra.embedded.clickhouse.users import Users

_OK = "Ok.\n"
# Each of the two: readers do not keep the writer waiting. What keeps the cores busy is enough: a call takes several
# threads, and the engine keeps every thread that it ever had, with its memory and three open files
_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))


class Front:
    """Answers requests from one engine."""

    def __init__(self, engine: Engine, users: Users) -> None:
        self._engine, self._users = engine, users
        self._sessions = Sessions(engine)
        self._limits = {writes: anyio.CapacityLimiter(_AT_ONCE) for writes in (True, False)}

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/ping", self._ping),
                Route("/replicas_status", self._ping),
                Route("/", self._answer, methods=["GET", "POST"]),
            ]
        )

    async def _ping(self, _: Request) -> Response:
        return PlainTextResponse(_OK)

    async def _answer(self, request: Request) -> Response:
        headers = {"X-ClickHouse-Server-Display-Name": "pulsewire", "X-ClickHouse-Timezone": self._engine.timezone}
        try:
            require_local(request.headers)
            if request.method == "GET" and not request.url.query:
                return PlainTextResponse(_OK)  # how people, and some clients, ask whether it is there
            call = await read_call(request, self._users)
            headers["X-ClickHouse-Query-Id"] = call.query_id
            if not call.sql.strip():
                return PlainTextResponse(_OK, headers=headers)
            answer = await anyio.to_thread.run_sync(
                execute, call, self._engine, self._sessions, limiter=self._limit(call)
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, the client gets ClickHouse's form of it
            return self._refuse(error, headers)
        return StreamingResponse(self._body(answer, call), headers={**headers, **answer.headers})

    def _refuse(self, error: Exception, headers: dict[str, str]) -> Response:
        status, code, text = read_error(error)
        return PlainTextResponse(
            f"{text} (version {self._engine.version})\n",
            status_code=status,
            headers={**headers, "X-ClickHouse-Exception-Code": str(code)},
        )

    async def _body(self, answer: Answer, call: Call) -> AsyncIterator[bytes]:
        def following() -> bytes | None:
            return next(answer.pieces, None)

        def close() -> None:
            if hasattr(answer.pieces, "close"):
                answer.pieces.close()

        try:
            while (piece := await anyio.to_thread.run_sync(following, limiter=self._limit(call))) is not None:
                yield piece
        finally:  # also when the client went away: the connection has to be given back
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(close)

    def _limit(self, call: Call) -> anyio.CapacityLimiter:
        return self._limits[call.user.writes]
