"""Fetching feeds politely: conditional requests, bounded answers, nothing twice."""

import asyncio
import time
import zlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from streams.ingest import rss_state
from streams.ingest.addresses import closed_to, shown
from streams.ingest.feeds import Entry, read_feed
from streams.ingest.item import Checkpoint, Read, Refusal
from streams.topology import MEBI

MAX_FEED_BYTES: Final = 16 * MEBI
TIMEOUT_S: Final = 20.0
HEADERS: Final = {
    "user-agent": "pulsewire",
    "accept-encoding": "gzip",
    "accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5",
}
MAX_HOPS: Final = 5
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
    async with httpx.AsyncClient(timeout=TIMEOUT_S, headers=HEADERS) as client:
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
    headers, at = {name: value for name, value in asked.items() if value}, url
    try:
        for _ in range(MAX_HOPS + 1):
            async with client.stream("GET", at, headers=headers, follow_redirects=False) as answer:
                if not answer.has_redirect_location:
                    return await _fetched(answer, url)
                to = urljoin(at, answer.headers["location"])
            if why := await closed_to(to, of=url, before=at):
                return Refusal("redirect", f"to {shown(to)}: {why}"[:200], shown(url))
            at = to
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        return Refusal("unreachable", f"{type(error).__name__}: {error}"[:200], shown(url))
    return Refusal("redirect", f"more than {MAX_HOPS} times", shown(url))


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
    if len(body) > MAX_FEED_BYTES:
        return Refusal("too_large", f"more than {MAX_FEED_BYTES // MEBI} MiB", shown(url))
    return Fetched(body, answer.headers.get("etag", ""), answer.headers.get("last-modified", ""))


async def _body(answer: httpx.Response, *, packed: bool) -> bytes:
    """The body up to one byte more than a feed may have: no more is ever in memory, however well it was packed."""
    unpacker, body = zlib.decompressobj(_GZIP) if packed else None, bytearray()
    async for chunk in answer.aiter_raw():
        body += unpacker.decompress(chunk, MAX_FEED_BYTES + 1 - len(body)) if unpacker else chunk
        if len(body) > MAX_FEED_BYTES:
            return bytes(body)
    if unpacker and not unpacker.eof:
        raise zlib.error("it is cut off")
    return bytes(body)
