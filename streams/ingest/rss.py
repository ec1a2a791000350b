"""Fetching feeds politely: conditional requests, bounded answers, nothing twice."""

import asyncio
import time
import zlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from streams.ingest import rss_state
from streams.ingest.addresses import shown
from streams.ingest.feeds import Entry, read_feed
from streams.ingest.hops import INSIDE, Hops, SentInside, next_of
from streams.ingest.item import Checkpoint, Read, Refusal
from streams.topology import MEBI

MAX_FEED_BYTES: Final = 8 * MEBI
TIMEOUT_S: Final = 20.0
HEADERS: Final = {
    "user-agent": "pulsewire",
    "accept-encoding": "gzip",
    "accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5",
}
MAX_HOPS: Final = 5
# A connection that was kept for the user's own feed would carry another's request past the look at who it leads to
UNKEPT: Final = httpx.Limits(max_keepalive_connections=0)
_GZIP: Final = 31  # zlib's word for its frame


class Fetched(msgspec.Struct, frozen=True):
    """A feed's new body. `body` is None where the server says that nothing changed."""

    body: bytes | None
    etag: str = ""
    modified: str = ""


async def poll(
    urls: Sequence[str], *, topic: str, data_dir: Path, every_s: float | None = None, source: str | None = None
) -> AsyncGenerator[Read, None]:
    """The new entries of each feed, then a checkpoint for it; once, or every so many seconds."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S, headers=HEADERS, limits=UNKEPT) as client:
        while True:
            for url in urls:
                async for read in _one(client, url, topic=topic, data_dir=data_dir, source=source):
                    yield read
            if every_s is None:
                return
            await asyncio.sleep(every_s)


async def _one(
    client: httpx.AsyncClient, url: str, *, topic: str, data_dir: Path, source: str | None
) -> AsyncGenerator[Read, None]:
    path = rss_state.state_file(data_dir, url=url, topic=topic)
    state = rss_state.load(path)
    fetched = await fetch(client, url, state)
    if isinstance(fetched, Refusal):
        yield fetched
        return
    if fetched.body is None:
        return
    host = urlsplit(url).hostname or url
    entries = read_feed(fetched.body, url=shown(url), host=host, now_ms=time.time_ns() // 1_000_000, source=source)
    if isinstance(entries, Refusal):
        yield entries
        return
    for entry in fresh(entries, state):
        yield entry.item
    after = state.after([entry.mark for entry in entries], etag=fetched.etag, modified=fetched.modified)
    yield Checkpoint(lambda: rss_state.save(path, after))


def fresh(entries: Sequence[Entry], state: rss_state.FeedState) -> list[Entry]:
    """The entries that were not sent before, each once."""
    seen = set(state.seen)
    first = {rss_state.mark_of(entry.mark): entry for entry in reversed(entries)}
    kept = {id(entry) for mark, entry in first.items() if mark not in seen}
    return [entry for entry in entries if id(entry) in kept]


async def fetch(client: httpx.AsyncClient, url: str, state: rss_state.FeedState) -> Fetched | Refusal:
    """The feed, unless it is as it was; a refusal that names what went wrong."""
    asked = {"if-none-match": state.etag, "if-modified-since": state.modified}
    headers = {name: value for name, value in asked.items() if value}
    try:
        return await _followed(client, url, headers)
    except (httpx.InvalidURL, UnicodeError):  # whose words may hold a part of a password
        return Refusal("unreachable", "it is, or leads to, an address that cannot be read", shown(url))
    except httpx.HTTPError as error:
        return Refusal("unreachable", f"{type(error).__name__}: {error}"[:200], shown(url))


async def _followed(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> Fetched | Refusal:
    """What the feed says, or the last one that it sends us on to."""
    at = httpx.URL(url)
    hops = Hops(at)
    options: dict[str, Any] = {"headers": headers, "follow_redirects": False, "extensions": {"trace": hops.trace}}
    for _ in range(MAX_HOPS + 1):
        try:
            async with client.stream("GET", at, **options) as answer:
                if not answer.has_redirect_location:
                    return await _fetched(answer, url)
                to = next_of(at, answer.headers["location"])
        except SentInside:
            return _sent_on(url, at, INSIDE)
        if why := await hops.closed(to, before=at):
            return _sent_on(url, to, why)
        at = to
    return Refusal("redirect", f"more than {MAX_HOPS} times", shown(url))


def _sent_on(url: str, to: httpx.URL, why: str) -> Refusal:
    return Refusal("redirect", f"to {shown(str(to))[:120]}: {why}", shown(url))


async def _fetched(answer: httpx.Response, url: str) -> Fetched | Refusal:
    """What one answer says."""
    if answer.status_code == httpx.codes.NOT_MODIFIED:
        return Fetched(None)
    if not answer.is_success:
        return Refusal(f"http_{answer.status_code}", answer.reason_phrase, shown(url))
    packed = answer.headers.get("content-encoding", "identity").lower()
    if packed not in ("identity", "gzip", "x-gzip"):
        return Refusal("unreadable", f"content-encoding {packed[:40]!r}, and gzip was asked for", shown(url))
    try:
        body = await _body(answer, packed=packed != "identity")
    except zlib.error as error:
        return Refusal("unreadable", f"its gzip cannot be unpacked: {error}", shown(url))
    if body is None:
        return Refusal("too_large", f"more than {MAX_FEED_BYTES // MEBI} MiB", shown(url))
    return Fetched(body, answer.headers.get("etag", ""), answer.headers.get("last-modified", ""))


async def _body(answer: httpx.Response, *, packed: bool) -> bytes | None:
    """The body; None where it is too large, of which no more than one byte too many is ever unpacked."""
    unpacker, body, came = zlib.decompressobj(_GZIP) if packed else None, bytearray(), 0
    async for chunk in answer.aiter_raw():
        came += len(chunk)
        body += unpacker.decompress(chunk, MAX_FEED_BYTES + 1 - len(body)) if unpacker else chunk
        if max(came, len(body)) > MAX_FEED_BYTES:  # what is packed may unpack to nothing, for ever
            return None
        if unpacker and unpacker.eof:  # it would keep whatever else comes
            return bytes(body)
    if unpacker:
        raise zlib.error("it is cut off")
    return bytes(body)
