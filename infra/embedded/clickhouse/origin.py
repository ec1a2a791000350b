"""Whose request it is. A store without passwords must not do what a web site has its visitor's browser ask.

1. A browser names the site in `Origin` with every POST, and says of a GET (which may write within a session) in
   `Sec-Fetch-Site` whether a site asks or somebody who typed the address. Our own clients send neither.
2. A site that points a name of its own at 127.0.0.1 is at home there to the browser: the name is then in `Host`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from infra.embedded.clickhouse.errors import StoreError
from streams.addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_SITE: Final = ("none", "same-origin")


def require_local(headers: Mapping[str, str]) -> None:
    """Raises `StoreError` for a request that a program of this machine would not send."""
    if "origin" in headers or headers.get("sec-fetch-site", "none") not in _NO_SITE:
        raise _denied(f"a web site ({headers.get('origin', 'unnamed')[:200]}) may ask nothing here")
    if not _loopback(host := headers.get("host", "")):
        raise _denied(f"it answers to loopback names only, not to {host[:200]}: use 127.0.0.1 and its port")


def _loopback(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _denied(why: str) -> StoreError:
    return StoreError(497, "ACCESS_DENIED", f"The embedded store is for programs of this machine: {why}.")
