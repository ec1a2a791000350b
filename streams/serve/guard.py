"""What every answer carries, and which Host is ours.

Texts of events come from anywhere. The page writes them as text only; should that ever fail, this policy still lets
no script run but ours. A loopback page answers to loopback names only, or a foreign site could point its own name at
127.0.0.1 and read along.
"""

from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def allowed_hosts(page: str) -> frozenset[str] | None:
    """The names that a page bound to this address answers to; None for any."""
    host = _name(page)
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return frozenset(("localhost", "127.0.0.1", "::1", host)) if loopback else None


class Guard:
    """ASGI middleware: refuses foreign hosts, adds the headers."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        asked = _name(Headers(scope=scope).get("host", ""))
        if self._hosts is None or asked in self._hosts:
            await self._app(scope, receive, headed)
        else:
            refusal = PlainTextResponse("This page answers to loopback names only.\n", status_code=421)
            await refusal(scope, receive, headed)


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
