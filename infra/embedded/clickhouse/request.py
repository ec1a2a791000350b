"""An HTTP request, as ClickHouse's interface means it."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import msgspec

from infra.embedded.clickhouse import wire
from infra.embedded.clickhouse.errors import StoreError
from infra.embedded.clickhouse.form import read_form

if TYPE_CHECKING:
    from starlette.requests import Request

    from infra.embedded.clickhouse.users import User, Users

_TRANSPORT = frozenset(
    {
        *("query", "database", "default_format", "user", "password", "quota_key", "role", "query_id"),
        *("session_id", "session_timeout", "session_check", "compress", "decompress", "enable_http_compression"),
        *("wait_end_of_query", "buffer_size", "client_protocol_version", "send_progress_in_http_headers"),
        *("http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close", "add_http_cors_header"),
        "stacktrace",
    }
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_BIND = "param_"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One statement to run, by whom and how."""

    user: User
    query_id: str
    sql: bytes
    database: str
    settings: dict[str, str]
    binds: dict[str, str]
    default_format: str
    session_id: str
    session_must_exist: bool
    whole: bool  # the answer is sent when it is complete, so that an error can still have its status
    accepts: str  # compression of the answer
    by_get: bool


async def read_call(request: Request, users: Users) -> Call:
    """Raises `StoreError` for a request that names no known user, or cannot be read."""
    params, headers = dict(request.query_params), request.headers
    user = users.recognise(headers, params)
    if headers.get("content-type", "").startswith("multipart/form-data"):
        params.update(read_form(headers["content-type"], await request.body()))
        body = b""
    else:
        body = wire.decompress(await request.body(), headers.get("content-encoding", "").lower())
    if params.get("compress") == "1" or params.get("decompress") == "1":
        raise StoreError(48, "NOT_IMPLEMENTED", "Use HTTP compression: ClickHouse's own blocks are not supported here.")
    return Call(
        user=user,
        query_id=params.get("query_id") or str(uuid.uuid4()),
        sql=_statement(params.get("query", ""), body),
        database=params.get("database") or headers.get("x-clickhouse-database", ""),
        settings=_settings(params),
        binds={name.removeprefix(_BIND): value for name, value in params.items() if name.startswith(_BIND)},
        default_format=params.get("default_format") or headers.get("x-clickhouse-format", "TabSeparated"),
        session_id=params.get("session_id", ""),
        session_must_exist=params.get("session_check") == "1",
        whole=params.get("wait_end_of_query") == "1",
        accepts=headers.get("accept-encoding", "") if params.get("enable_http_compression") == "1" else "",
        by_get=request.method != "POST",
    )


def _statement(query: str, body: bytes) -> bytes:
    if not query:
        return body
    return query.encode() + b"\n" + body if body else query.encode()


def _settings(params: dict[str, str]) -> dict[str, str]:
    settings = {n: v for n, v in params.items() if n not in _TRANSPORT and not n.startswith(_BIND)}
    for name in settings:
        if not _NAME.fullmatch(name):
            raise StoreError(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'.")
    return settings
