"""Feeds, from a server on the loopback."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest import rss
from streams.ingest.feeds import plain, read_feed
from streams.ingest.item import Checkpoint, Item, Refusal

NOW_MS = 1_764_000_000_000  # 2025-11-24T16:00:00Z

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Meridian &amp; Wire</title>
<item><guid>a-2</guid><title>Down again</title><pubDate>{when}</pubDate></item>
<item><guid>a-1</guid><title>Up &lt;b&gt;5%&lt;/b&gt;</title><link>https://news.example/1</link>
<description>&lt;p&gt;Shares &amp;amp; bonds&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;</description>
<pubDate>Mon, 24 Nov 2025 10:00:00 GMT</pubDate></item></channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:1</id><title>大涨</title>
<link href="https://news.example/2"/><updated>2025-11-24T09:00:00+08:00</updated><content>正文</content></entry></feed>"""


def read(body: str | bytes) -> list[dict]:
    raw = body.encode() if isinstance(body, str) else body
    entries = read_feed(raw, url="http://f.example/x", host="f.example", now_ms=NOW_MS)
    assert not isinstance(entries, Refusal), entries
    return [json.loads(entry.item.value) for entry in entries]


def test_rss_becomes_news_oldest_first():
    assert read(RSS.format(when="Mon, 24 Nov 2025 12:00:00 +0100")) == [
        {
            "id": "a-1", "ts": "2025-11-24T10:00:00.000Z", "source": "Meridian & Wire", "title": "Up 5%",
            "body": "Shares & bonds", "url": "https://news.example/1",
        },
        {"id": "a-2", "ts": "2025-11-24T11:00:00.000Z", "source": "Meridian & Wire", "title": "Down again"},
    ]  # fmt: skip


def test_atom_without_a_title_is_named_after_its_host():
    assert read(ATOM) == [
        {
            "id": "urn:1", "ts": "2025-11-24T01:00:00.000Z", "source": "f.example", "title": "大涨", "body": "正文",
            "url": "https://news.example/2",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("when", "ts"),
    [
        ("3 hours ago", "2025-11-24T13:00:00.000Z"),
        ("yesterday", "2025-11-23T16:00:00.000Z"),
        ("some day", "2025-11-24T16:00:00.000Z"),
        ("", "2025-11-24T16:00:00.000Z"),
        ("Mon, 24 Nov 2099 12:00:00 GMT", "2025-11-24T16:00:00.000Z"),
    ],
)
def test_dates_that_feeds_write(when, ts):
    assert next(row["ts"] for row in read(RSS.format(when=when)) if row["id"] == "a-2") == ts


def test_a_feed_that_is_cut_off_gives_what_it_holds():
    cut = RSS.format(when="").partition("</channel>")[0]
    assert {row["id"] for row in read(cut)} == {"a-1", "a-2"}


@pytest.mark.parametrize("body", [b"", b"nope", b"<html><body>404</body></html>", b"\xff\xfe\x00", b"{}"])
def test_what_is_no_feed_is_a_refusal(body):
    refusal = read_feed(body, url="http://f.example/x", host="f.example", now_ms=NOW_MS)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "not_a_feed"


def test_a_body_that_is_a_files_name_is_not_opened(tmp_path):
    (tmp_path / "feed.xml").write_text(ATOM)
    body = str(tmp_path / "feed.xml").encode()
    assert isinstance(read_feed(body, url="u", host="h", now_ms=NOW_MS), Refusal)


BOMB = """<?xml version="1.0" encoding="{encoding}"?>{before}<!DOCTYPE rss [{inside}]><rss version="2.0"><channel>
<title>t</title><item><title>Boom {said} &amp; bust</title></item></channel></rss>"""
ENTITY = f'<!ENTITY a0 "{"x" * 1_000}">'
NESTED = ENTITY + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-7"])
@pytest.mark.parametrize("before", ["", "\n", "<!-- <x -->"])
@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (ENTITY, "&a0;" * 1_000),
        (f"\n{ENTITY}\n", "&a0;" * 1_000),
        (NESTED, "&a8;"),
        (NESTED.replace("<!", "\n<!"), "&a8;"),
        (ENTITY.replace(" a0", " % a0") + ENTITY.replace("x" * 1_000, "%a0;" * 1_000), "&a0;"),
    ],
)
def test_entities_of_a_feeds_own_are_not_expanded(encoding, before, inside, said):
    body = BOMB.format(encoding=encoding, before=before, inside=inside, said=said).encode(encoding)
    entries = read_feed(body, url="u", host="h", now_ms=NOW_MS)
    assert isinstance(entries, Refusal) or sum(len(entry.item.value) for entry in entries) < 2 * len(body)


def test_defaults_of_attributes_are_not_filled_in():
    attribute = f'<!ATTLIST link href CDATA "{"x" * 1_000}">'
    body = BOMB.format(encoding="utf-8", before="", inside=attribute, said="").replace("<item>", "<item><link/>")
    assert "x" * 1_000 not in str(read_feed(body.encode(), url="u", host="h", now_ms=NOW_MS))


def test_an_article_about_declarations_says_what_it_says():
    article = RSS.format(when="").replace("Down again", '<![CDATA[How &lt;!ENTITY a "b"&gt; works, and café]]>')
    assert 'How <!ENTITY a "b"> works, and café' in [row["title"] for row in read(article)]


def test_a_feed_that_declares_the_usual_entities_is_read():
    declares = '<!DOCTYPE rss [<!ENTITY nbsp "&#160;"><!ENTITY eacute "&#233;">]>'
    feed = RSS.format(when="").replace("<rss ", f"{declares}<rss ").replace("Down again", "Caf&eacute;&nbsp;closed")
    assert "Café closed" in [row["title"] for row in read(feed)]


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: RSS.format(when=text).encode()))
def test_any_bytes_are_entries_or_a_refusal(body):
    assert isinstance(read_feed(body, url="u", host="h", now_ms=NOW_MS), list | Refusal)


@given(st.text())
def test_plain_text_has_no_runs_of_space(markup):
    text = plain(markup)
    assert "  " not in text
    assert text == text.strip()


class Feed:
    """A feed that a server hands out, and what was asked of it."""

    def __init__(self) -> None:
        self.body = RSS.format(when="Mon, 24 Nov 2025 11:00:00 GMT").encode()
        self.status = 200
        self.etag = '"v1"'
        self.answered: list[int] = []
        self.url = ""

    def answer(self, asked_etag: str | None) -> tuple[int, bytes]:
        status = 304 if self.status == 200 and asked_etag == self.etag else self.status
        self.answered.append(status)
        return status, b"" if status == 304 else self.body


@contextmanager
def serving():
    feed = Feed()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = feed.answer(self.headers.get("If-None-Match"))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("ETag", feed.etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    feed.url = f"http://127.0.0.1:{server.server_port}/feed"
    yield feed
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def feed():
    with serving() as served:
        yield served


async def poll(feed, folder, *, commit=True) -> list[str]:
    """One look: ids of the entries that came, or codes of what was refused."""
    came = []
    async for found in rss.poll([feed.url], topic="news.raw", data_dir=folder):
        if isinstance(found, Item):
            came.append(json.loads(found.value)["id"])
        elif isinstance(found, Refusal):
            came.append(found.code)
        elif isinstance(found, Checkpoint) and commit:
            found.commit()
    return came


async def test_an_unchanged_feed_is_not_fetched_again(feed, tmp_path):
    assert await poll(feed, tmp_path) == ["a-1", "a-2"]
    assert await poll(feed, tmp_path) == []
    assert feed.answered == [200, 304]


async def test_only_new_entries_of_a_changed_feed_come(feed, tmp_path):
    await poll(feed, tmp_path)
    feed.body = feed.body.replace(b"a-2", b"a-3")
    feed.etag = '"v2"'
    assert await poll(feed, tmp_path) == ["a-3"]


async def test_entries_that_were_not_acknowledged_come_again(feed, tmp_path):
    assert await poll(feed, tmp_path, commit=False) == ["a-1", "a-2"]
    assert await poll(feed, tmp_path) == ["a-1", "a-2"]


async def test_an_entry_that_a_feed_holds_twice_comes_once(feed, tmp_path):
    feed.body = feed.body.replace(b"a-2", b"a-1")
    assert await poll(feed, tmp_path) == ["a-1"]


async def test_a_damaged_state_is_no_state(feed, tmp_path):
    await poll(feed, tmp_path)
    (state,) = (tmp_path / "ingest" / "rss").iterdir()
    state.write_bytes(b"{half")
    assert await poll(feed, tmp_path) == ["a-1", "a-2"]


@pytest.mark.parametrize(("status", "code"), [(404, "http_404"), (503, "http_503"), (302, "unreachable")])
async def test_a_feed_that_cannot_be_had_is_a_refusal(feed, tmp_path, status, code):
    feed.status = status
    assert await poll(feed, tmp_path) == [code]


async def test_a_feed_that_is_too_large(feed, tmp_path):
    feed.body = b"x" * (rss.MAX_FEED_BYTES + 1)
    assert await poll(feed, tmp_path) == ["too_large"]


async def test_nobody_listens(tmp_path):
    with serving() as gone:
        pass
    assert await poll(gone, tmp_path) == ["unreachable"]


def test_a_password_in_an_address_is_not_shown():
    assert rss.shown("https://me:secret@feeds.example/x") == "https://feeds.example/x"
