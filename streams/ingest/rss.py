"""Fetching feeds politely: conditional requests, bounded answers, nothing twice."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from streams.ingest import rss_state
from streams.ingest.feeds import Entry, read_feed
from streams.ingest.item import Checkpoint, Read, Refusal
from streams.topology import MEBI

MAX_FEED_BYTES: Final = 16 * MEBI
TIMEOUT_S: Final = 20.0
HEADERS: Final = {
    "user-agent": "pulsewire",
    "accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5",
}
_SECRET: Final = re.compile(r"//[^/@]*@")


class Fetched(msgspec.Struct, frozen=True):
    """A feed's new body. `body` is None where the server says that nothing changed."""

    body: bytes | None
    etag: str = ""
    modified: str = ""


async def poll(
    urls: Sequence[str], *, topic: str, data_dir: Path, every_s: float | None = None, source: str | None = None
) -> AsyncGenerator[Read, None]:
    """The new entries of each feed, then a checkpoint for it; once, or every so many seconds."""
    async with httpx.AsyncClient(follow_redirects=True, timeout=TIMEOUT_S, headers=HEADERS, max_redirects=5) as client:
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
    state = rss_state.load(path, url=url)
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
    try:
        async with client.stream("GET", url, headers={name: value for name, value in asked.items() if value}) as answer:
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                return Fetched(None)
            if not answer.is_success:
                return Refusal(f"http_{answer.status_code}", answer.reason_phrase, shown(url))
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_FEED_BYTES:
                    return Refusal("too_large", f"more than {MAX_FEED_BYTES // MEBI} MiB", shown(url))
            headers = answer.headers
            return Fetched(bytes(body), headers.get("etag", ""), headers.get("last-modified", ""))
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return Refusal("unreachable", f"{type(error).__name__}: {error}"[:200], shown(url))


def shown(url: str) -> str:
    """The address as it may be printed: without a password in it."""
    return _SECRET.sub("//", url)
