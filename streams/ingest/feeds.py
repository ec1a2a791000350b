"""RSS and Atom: a feed's entries as news. Takes bytes and the time, fetches nothing."""

import html
import re
from calendar import timegm
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

import feedparser
import msgspec
from feedparser.encodings import convert_to_utf8

from streams.ingest.item import Item, Refusal
from streams.ingest.markup import without_tags
from streams.ingest.times import read_ago, read_time, rfc3339

SPACES: Final = re.compile(r"\s+")
DECLARES: Final = re.compile(rb"<!(?:ENTITY|ATTLIST)")
EARLIEST_MS: Final = 0
AHEAD_MS: Final = 86_400_000


class Entry(msgspec.Struct, frozen=True):
    """One entry: what makes it the same entry next time, and its message."""

    mark: str
    item: Item


def read_feed(body: bytes, *, url: str, host: str, now_ms: int, source: str | None = None) -> list[Entry] | Refusal:
    """Every entry that has a title, oldest first; a refusal for what is no feed. Never raises."""
    try:  # bytes that happen to be a file's name would be opened: a stream is not
        parsed = feedparser.parse(BytesIO(_undeclared(body)), sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:  # noqa: BLE001 - feedparser gives way to some broken markup with errors of every type
        return Refusal("not_a_feed", f"{type(error).__name__}: {error}"[:200], url)
    if not parsed.entries and not parsed.get("version"):
        why = str(parsed.get("bozo_exception", "")) or "neither RSS nor Atom"
        return Refusal("not_a_feed", why[:200], url)
    name = source or plain(parsed.feed.get("title", "")) or host
    entries = [_entry(raw, name=name, url=url, now_ms=now_ms) for raw in parsed.entries]
    return sorted((entry for entry in entries if entry), key=lambda entry: entry.item.time_ms or 0)


def plain(markup: object) -> str:
    """Text without tags, entities and runs of space."""
    text = markup if isinstance(markup, str) else ""
    return SPACES.sub(" ", html.unescape(without_tags(text)).replace("\0", "")).strip()


def _undeclared(body: bytes) -> bytes:
    """The feed in UTF-8, without a declaration by which a few of its bytes stand for many.

    XML knows them in capitals only: in small letters they are broken markup, of which feedparser reads what it can, and
    in the text of an entry they say what they said. feedparser guesses the encoding, and is asked for its guess before
    the bytes are looked at: in UTF-16 or UTF-7 they would not be found.
    """
    return DECLARES.sub(lambda declares: declares[0].lower(), convert_to_utf8({}, body, {}))


def _entry(raw: Any, *, name: str, url: str, now_ms: int) -> Entry | None:
    body = plain(raw.get("summary") or "") or plain(next((c.get("value") for c in raw.get("content") or []), ""))
    title = plain(raw.get("title") or "") or body[:200]
    if not title:
        return None
    link = str(raw.get("link") or "")
    mark = str(raw.get("id") or link or sha256(f"{title}\n{body}".encode("utf-8", "replace")).hexdigest())
    time_ms = _time(raw, now_ms=now_ms)
    row = {"id": _id(mark), "ts": rfc3339(time_ms), "source": name, "title": title}
    url_of = link if link.startswith(("http://", "https://")) else ""  # a guid that is no address comes as a link, too
    row |= {field: value for field, value in (("body", body if body != title else ""), ("url", url_of)) if value}
    row = {field: value.encode("utf-8", "replace").decode() for field, value in row.items()}
    return Entry(mark, Item(msgspec.json.encode(row), name.encode("utf-8", "replace"), time_ms, url))


def _id(mark: str) -> str:
    """An entry's id: an address, which may hold a key or who reads the feed, is named by its hash."""
    return sha256(mark.encode("utf-8", "replace")).hexdigest() if "://" in mark else mark


def _time(raw: Any, *, now_ms: int) -> int:
    """When it was published, else updated, else now. A time that cannot be is now, too."""
    for field in ("published", "updated", "created"):
        try:
            # feedparser's own get() answers "updated" with "published", and warns
            parsed, written = dict.get(raw, f"{field}_parsed"), str(dict.get(raw, field) or "")
            time_ms = timegm(parsed) * 1_000 if parsed else None
        except (ValueError, OverflowError, TypeError):
            continue
        if time_ms is None:
            time_ms = read_ago(written, now_ms=now_ms) or read_time(written)
        if time_ms is not None and EARLIEST_MS < time_ms < now_ms + AHEAD_MS:
            return time_ms
    return now_ms
