"""Addresses of feeds: as they may be shown, without what gives access, and where one may send us on to."""

import asyncio
import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from streams.core.redact import MASK

# The end of a parameter's name, or a part of one that no harmless name has. An author is no secret.
_SECRET_NAME: Final = re.compile(
    r"(?:key|sig|sign|pass|pw|jwt)\d*$|token|secret|signature|passw|passphrase|pwd|auth(?!or(?!i))|credential|session"
)


def shown(url: str) -> str:
    """The address without a login, and without the values of parameters whose names sound like secrets."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # such as a password with a slash: nobody can tell where it ends
        return "an address that cannot be read"
    query = "&".join(map(_masked, parts.query.split("&")))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query).geturl()


def _masked(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    return f"{name}={MASK}" if equals and value and _SECRET_NAME.search(name.lower()) else parameter


async def closed_to(url: str, *, of: str, before: str) -> str:
    """Why a feed may not send us there, in words; empty where it may.

    Who writes a feed elsewhere must not have this machine ask for what only it can reach: a store without a password,
    the cloud's metadata, a neighbour. `of` is the feed's own address, `before` the one that sends us on.
    """
    to = urlsplit(url)
    if to.scheme not in ("http", "https") or not to.hostname:
        return "neither http nor https"
    if urlsplit(before).scheme == "https" and to.scheme == "http":
        return "from https to http"
    if await _is_inside(to.hostname) and not await _is_inside(urlsplit(of).hostname or ""):
        return "an address of this machine or of its network, and the feed is none"
    return ""


async def _is_inside(host: str) -> bool:
    """Whether one of the host's addresses is not of the internet at large."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return False  # asking it will say that there is no such host
    return not all(ip_address(str(one[4][0]).partition("%")[0]).is_global for one in found)
