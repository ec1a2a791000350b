"""Where a feed may send us on to.

Who writes a feed elsewhere must not have this machine ask for what only it can reach: a store without a password, the
cloud's metadata, a neighbour.

1. Only http and https, and never from https to http.
2. A feed of the internet at large sends us to nothing else: every address of the next host's name has to be of it, and
   a name of no address is not asked for.
3. A name may mean one thing when it is looked up and another when it is asked: what counts is whom we are connected to,
   and nothing is said to one who may not be. Behind a proxy, which looks names up itself, the names have to do.
4. A feed that lies on this machine or its network is the user's own, and may send us anywhere in it.
5. Its login goes to its own server alone.
"""

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.request import getproxies

import httpx

INSIDE: Final = "an address of this machine or of its network, and the feed is none"
# IPv6 addresses that stand for an IPv4 one in their last bits: translated, mapped, and compatible ones of old
_CARRIERS: Final = tuple(map(ip_network, ("64:ff9b::/96", "::ffff:0:0/96", "::/96")))


class Hops:
    """The way of one request: `trace` is to be told of its connections."""

    def __init__(self, feed: httpx.URL) -> None:
        self._feed = feed
        self._inside: bool | None = None  # whether the feed is one of this machine or its network
        self._direct = not getproxies().keys() - {"no"}

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Look at whom we are connected to, before anything is said.

        Raises:
            SentInside: one of this network, and the feed is not.
        """
        if event != "connection.connect_tcp.complete" or not self._direct:
            return
        stream = info["return_value"]
        outside = is_outside(str(stream.get_extra_info("server_addr")[0]))
        if self._inside is None:
            self._inside = not outside
        if not outside and not self._inside:
            await stream.aclose()
            raise SentInside

    async def closed(self, to: httpx.URL, *, before: httpx.URL) -> str:
        """Why the feed may not send us there, in words; empty where it may."""
        if to.scheme not in ("http", "https") or not to.host:
            return "neither http nor https"
        if (before.scheme, to.scheme) == ("https", "http"):
            return "from https to http"
        if self._inside is None:
            own = await addresses_of(self._feed)
            self._inside = bool(own) and not any(map(is_outside, own))
        if self._inside:
            return ""
        found = await addresses_of(to)
        if not found:
            return "no such host"
        return "" if all(map(is_outside, found)) else INSIDE


class SentInside(Exception):  # noqa: N818 - what happened, not what went wrong
    """A host's name stood for an address of this network when it was asked, whatever it had stood for before."""


def next_of(at: httpx.URL, location: str) -> httpx.URL:
    """The address that is named there, with our login where it is the same server, and with none where it is not.

    Raises:
        httpx.InvalidURL: it is no address.
    """
    to = at.join(location)
    secured = (at.scheme, to.scheme, at.port, to.port) == ("http", "https", None, None)
    same = to.host == at.host and (secured or (to.scheme, to.port) == (at.scheme, at.port))
    return to.copy_with(userinfo=at.userinfo if same else b"")


async def addresses_of(url: httpx.URL) -> list[str]:
    """Every address of its host; none where there is none to be had."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.raw_host.decode("ascii"), None)
    except (OSError, UnicodeError):
        return []
    return [str(one[4][0]) for one in found]


def is_outside(address: str) -> bool:
    """Whether it is one of the internet at large."""
    known: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(known, IPv6Address):
        if any(known in carrier for carrier in _CARRIERS):
            known = IPv4Address(int(known) & 0xFFFF_FFFF)
        elif known.is_site_local:
            return False
    return known.is_global and not known.is_multicast
