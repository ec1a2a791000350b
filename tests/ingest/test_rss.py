"""Feeds, from a server on the loopback."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest import rss
from streams.ingest.addresses import shown
from streams.ingest.feeds import plain, read_feed
from streams.ingest.item import Checkpoint, Item, Refusal
from streams.ingest.rss_state import FeedState

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


def test_an_id_that_is_an_address_is_a_hash_of_it():
    kept, hashed = read(RSS.format(when="").replace("a-1", "https://f.example/?key=abc"))
    assert (kept["id"], hashed["id"]) == (sha256(b"https://f.example/?key=abc").hexdigest(), "a-2")


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


@pytest.mark.parametrize(("status", "code"), [(404, "http_404"), (503, "http_503"), (302, "redirect")])
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


def state_of(folder):
    (path,) = (folder / "ingest" / "rss").iterdir()
    return path


async def test_a_state_says_no_address_and_is_its_owners_alone(feed, tmp_path):
    feed.url = feed.url.replace("//", "//me:hunter2@") + "?key=s3cret"
    assert await poll(feed, tmp_path) == ["a-1", "a-2"]
    assert not {part for part in ("hunter2", "s3cret", "127.0.0.1") if part in state_of(tmp_path).read_text()}
    assert state_of(tmp_path).stat().st_mode & 0o777 == 0o600


async def test_a_state_of_old_is_read_and_loses_its_address(feed, tmp_path):
    await poll(feed, tmp_path)
    path = state_of(tmp_path)
    path.write_text(json.dumps({"url": "https://me:hunter2@feeds.example/x"} | json.loads(path.read_text())))
    path.chmod(0o644)
    assert await poll(feed, tmp_path) == []
    assert feed.answered == [200, 304]
    assert "hunter2" not in state_of(tmp_path).read_text()
    assert state_of(tmp_path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://me:secret@feeds.example/x", "https://feeds.example/x"),
        ("https://me:se@cret@feeds.example:81/@user", "https://feeds.example:81/@user"),
        ("https://me:se/cret@feeds.example/x", "an address that cannot be read"),
        ("https://f.example/x?author=me&api_key=abc&p=2", "https://f.example/x?author=me&api_key=<secret>&p=2"),
        (
            "https://f.example/x?X-Amz-Signature=a&Token=b",
            "https://f.example/x?X-Amz-Signature=<secret>&Token=<secret>",
        ),
        ("https://f.example/?client_secret=a=b&oauth=c", "https://f.example/?client_secret=<secret>&oauth=<secret>"),
        ("https://f.example/?sig=a&key=&password=c", "https://f.example/?sig=<secret>&key=&password=<secret>"),
        ("feed.xml", "feed.xml"),
        ("http://[::1", "an address that cannot be read"),
    ],
)
def test_what_gives_access_is_not_shown(url, seen):
    assert shown(url) == seen


def client_of(answers):
    """A client of a network that answers so; and what was asked of it."""
    asked = []

    def answer(request):
        asked.append((str(request.url), request.headers.get("authorization", "")))
        return answers[str(request.url)]

    return httpx.AsyncClient(transport=httpx.MockTransport(answer), headers=rss.HEADERS), asked


def moved(to):
    return httpx.Response(302, headers={"location": to})


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("http://127.0.0.1:8123/?query=DROP+DATABASE+pulsewire", "an address of this machine or of its network"),
        ("http://[::1]:8123/", "an address of this machine"),
        ("http://[::ffff:127.0.0.1]/", "an address of this machine"),
        ("http://169.254.169.254/latest/meta-data/", "an address of this machine or of its network"),
        ("http://10.0.0.7/", "an address of this machine or of its network"),
        ("http://0.0.0.0:8123/", "an address of this machine"),
        ("file:///etc/passwd", "neither http nor https"),
        ("ftp://93.184.215.14/x", "neither http nor https"),
    ],
)
async def test_a_feed_elsewhere_does_not_send_us_to_what_only_we_can_reach(to, why):
    client, asked = client_of({"http://93.184.215.14/feed": moved(to)})
    refusal = await rss.fetch(client, "http://93.184.215.14/feed", FeedState())
    assert refusal.code == "redirect"
    assert why in refusal.detail
    assert len(asked) == 1


async def test_a_feed_does_not_send_us_from_https_to_http():
    client, _ = client_of({"https://93.184.215.14/feed": moved("http://93.184.215.14/feed")})
    refusal = await rss.fetch(client, "https://93.184.215.14/feed", FeedState())
    assert (refusal.code, "from https to http" in refusal.detail) == ("redirect", True)


async def test_a_feed_may_move_and_its_login_stays_behind():
    elsewhere = "http://93.184.215.15/feed"
    client, asked = client_of({
        "http://me:hunter2@93.184.215.14/feed": moved("/moved"),
        "http://me:hunter2@93.184.215.14/moved": moved(elsewhere),
        elsewhere: httpx.Response(200, stream=Pieces(b"<rss/>")),
    })  # fmt: skip
    assert (await rss.fetch(client, "http://me:hunter2@93.184.215.14/feed", FeedState())).body == b"<rss/>"
    assert [bool(login) for _, login in asked] == [True, True, False]


async def test_a_feed_of_this_network_may_move_within_it():
    client, _ = client_of(
        {"http://127.0.0.1/a": moved("http://10.0.0.7/b"), "http://10.0.0.7/b": moved("http://127.0.0.1/a")}
    )
    refusal = await rss.fetch(client, "http://127.0.0.1/a", FeedState())
    assert (refusal.code, refusal.detail) == ("redirect", "more than 5 times")


@pytest.mark.parametrize(
    ("packed", "body", "code"),
    [
        ("gzip", gzip.compress(b"<rss/>"), None),
        ("gzip", gzip.compress(bytes(rss.MAX_FEED_BYTES + 1)), "too_large"),
        ("gzip", gzip.compress(b"<rss/>") + bytes(99_999), None),
        ("gzip", gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * (rss.MAX_FEED_BYTES // 5), "too_large"),
        ("gzip", gzip.compress(b"<rss/>" * 999)[:-9], "unreadable"),
        ("gzip", b"<rss/>", "unreadable"),
        ("zstd", b"<rss/>", "unreadable"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"<rss/>")), "unreadable"),
    ],
)
async def test_a_feed_is_unpacked_no_further_than_it_may_be_long(packed, body, code):
    answer = httpx.Response(200, headers={"content-encoding": packed}, stream=Pieces(body))
    client, _ = client_of({"http://127.0.0.1/": answer})
    found = await rss.fetch(client, "http://127.0.0.1/", FeedState())
    assert getattr(found, "code", None) == code
    assert code or found.body == b"<rss/>"


class Pieces(httpx.AsyncByteStream):
    """A body as it comes from a network."""

    def __init__(self, body):
        self._body = body

    async def __aiter__(self):
        for start in range(0, len(self._body), 1_000):
            self.given = start + 1_000
            yield self._body[start : self.given]


async def test_what_comes_after_a_packed_feed_is_not_read():
    body = Pieces(gzip.compress(b"<rss/>") + bytes(99_999))
    client, _ = client_of({"http://127.0.0.1/": httpx.Response(200, headers={"content-encoding": "gzip"}, stream=body)})
    assert (await rss.fetch(client, "http://127.0.0.1/", FeedState())).body == b"<rss/>"
    assert body.given == 1_000


async def test_a_part_of_a_password_is_not_said():
    client, _ = client_of({})
    refusal = await rss.fetch(client, "https://me:hunter2/x@feeds.example/x", FeedState())
    assert "hunter2" not in str(refusal)
    assert refusal.code == "unreachable"
