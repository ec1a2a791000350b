"""Where a feed may send us on to, on a network and with names of the test's own."""

from __future__ import annotations

import asyncio

import httpcore
import httpx
import pytest

from streams.ingest import hops, rss
from streams.ingest.rss_state import FeedState

FEED = "http://feed.example/x"
OUTSIDE, OTHER = "93.184.215.14", "93.184.215.15"


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        (OUTSIDE, True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - as an address to be asked
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fd00::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("::7f00:1", False),
        ("64:ff9b::7f00:1", False),
        (f"64:ff9b::{OUTSIDE}", True),
        (f"::ffff:{OUTSIDE}", True),
    ],
)
def test_addresses(address, outside):
    assert hops.is_outside(address) is outside


class Stream(httpcore.AsyncMockStream):
    """A connection to an address, and what was said there."""

    def __init__(self, address: str, answer: bytes) -> None:
        super().__init__([answer])
        self.address, self.said, self.closed = address, b"", False

    def get_extra_info(self, info):
        return (self.address, 80) if info == "server_addr" else None

    async def write(self, buffer, timeout=None):  # noqa: ASYNC109 - httpcore's
        self.said += buffer

    async def aclose(self):
        self.closed = True
        await super().aclose()


class Network(httpcore.AsyncNetworkBackend):
    """Whom each name leads to when it is asked, and what that one answers."""

    def __init__(self, hosts: dict[str, tuple[str, str]]) -> None:
        self._hosts = hosts
        self.streams: dict[str, Stream] = {}

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # noqa: ASYNC109
        address, answer = self._hosts[host]
        self.streams[host] = Stream(address, answer.encode())
        return self.streams[host]


def moved(to: str) -> str:
    return f"HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"


FOUND = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<rss/>"


@pytest.fixture
def fetched(monkeypatch):
    """Fetch the feed: names are looked up here, and lead there."""

    async def fetch(names: dict[str, list[str]], hosts: dict[str, tuple[str, str]], url: str = FEED):
        async def looked_up(host, port):
            if not names.get(host):
                raise OSError("no such host")
            return [(0, 0, 0, "", (address, 0)) for address in names[host]]

        monkeypatch.setattr(hops, "getproxies", dict)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)
        transport, network = httpx.AsyncHTTPTransport(limits=rss.UNKEPT), Network(hosts)
        transport._pool._network_backend = network
        async with httpx.AsyncClient(transport=transport) as client:
            return await rss.fetch(client, url, FeedState()), network.streams

    return fetch


async def test_a_feed_may_move_on_the_internet(fetched):
    found, _ = await fetched(
        {"b.example": [OTHER]}, {"feed.example": (OUTSIDE, moved("http://b.example/y")), "b.example": (OTHER, FOUND)}
    )
    assert found.body == b"<rss/>"


@pytest.mark.parametrize(
    ("addresses", "why"),
    [
        (["127.0.0.1"], hops.INSIDE),
        ([OTHER, "10.0.0.7"], hops.INSIDE),
        ([OTHER, "::1"], hops.INSIDE),
        ([], "no such host"),
    ],
)
async def test_no_address_of_the_next_host_may_be_inside(fetched, addresses, why):
    to = "http://b.example/?query=DROP&token=s3cret"
    refusal, streams = await fetched({"b.example": addresses}, {"feed.example": (OUTSIDE, moved(to))})
    shown = "http://b.example/?query=DROP&token=<secret>"
    assert (refusal.code, refusal.detail, refusal.source) == ("redirect", f"to {shown}: {why}", FEED)
    assert list(streams) == ["feed.example"]


async def test_nothing_is_said_to_a_host_inside_that_looked_as_one_outside(fetched):
    hosts = {"feed.example": (OUTSIDE, moved("http://b.example/")), "b.example": ("127.0.0.1", FOUND)}
    refusal, streams = await fetched({"b.example": [OTHER]}, hosts)
    assert (refusal.code, refusal.detail) == ("redirect", f"to http://b.example/: {hops.INSIDE}")
    assert (streams["b.example"].said, streams["b.example"].closed) == (b"", True)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [OUTSIDE, "127.0.0.1"], []])
async def test_a_feed_is_inside_where_we_reached_it_whatever_its_name_says_since(fetched, addresses):
    refusal, _ = await fetched(
        {"feed.example": addresses, "b.example": ["127.0.0.1"]},
        {"feed.example": (OUTSIDE, moved("http://b.example/")), "b.example": ("127.0.0.1", FOUND)},
    )
    assert refusal.code == "redirect"


async def test_a_feed_inside_may_move_inside(fetched):
    found, _ = await fetched(
        {}, {"feed.example": ("10.0.0.7", moved("http://b.example/")), "b.example": ("10.0.0.8", FOUND)}
    )
    assert found.body == b"<rss/>"


@pytest.mark.parametrize(("own", "may"), [(["10.0.0.7"], True), (["10.0.0.7", OUTSIDE], False), ([], False)])
async def test_behind_a_proxy_names_decide(monkeypatch, own, may):
    names = {"feed.example": own, "b.example": ["10.0.0.8"]}

    async def addresses_of(url):
        return names[url.host]

    monkeypatch.setattr(hops, "addresses_of", addresses_of)
    monkeypatch.setattr(hops, "getproxies", lambda: {"http": "http://127.0.0.1:3128", "no": "x"})
    ours = hops.Hops(httpx.URL(FEED))
    await ours.trace("connection.connect_tcp.complete", {"return_value": Stream("127.0.0.1", b"")})
    why = await ours.closed(httpx.URL("http://b.example/"), before=httpx.URL(FEED))
    assert why == ("" if may else hops.INSIDE)


@pytest.mark.parametrize(
    ("at", "to", "keeps"),
    [
        ("http://me:pw@a.example/x", "/y", True),
        ("http://me:pw@a.example/x", "http://a.example/y", True),
        ("http://me:pw@a.example/x", "https://A.example/y", True),
        ("http://me:pw@a.example/x", "http://a.example:8080/y", False),
        ("http://me:pw@a.example:81/x", "https://a.example/y", False),
        ("http://me:pw@a.example/x", "//b.example/y", False),
        ("http://me:pw@a.example/x", "http://me:pw@b.example/y", False),
        ("http://me:pw@a.example/x", "http://a.example.b.example/y", False),
    ],
)
def test_a_login_goes_to_its_own_server_alone(at, to, keeps):
    assert hops.next_of(httpx.URL(at), to).userinfo == (b"me:pw" if keeps else b"")
