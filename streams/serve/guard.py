"""What every answer carries, and which Host is ours.

Texts of events come from anywhere. The page writes them as text only; should that ever fail, this policy still lets
no script run but ours. A loopback page, and one whose names were listed, answers to its names only, or a foreign site
could point its own name at the page's address and read along by way of somebody's browser.
"""

from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.addresses import is_loopback

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


_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
_REFUSED: Final = "This page does not answer to that name: PULSEWIRE_PAGE_HOSTS lists those beside 127.0.0.1.\n"


def allowed_hosts(page: str, *, listed: Iterable[str] = ()) -> frozenset[str] | None:
    """The names that a page bound to this address answers to, loopback's and those listed; None for any."""
    host, names = _name(page), frozenset(name.lower() for name in listed)
    return _LOOPBACK | names | {host} if is_loopback(host) or names else None


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

        asked = _name(Headers(scope=scope).get("host", "").lower())
        if self._hosts is None or asked in self._hosts:
            await self._app(scope, receive, headed)
        else:
            refusal = PlainTextResponse(_REFUSED, status_code=421)
            await refusal(scope, receive, headed)


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
