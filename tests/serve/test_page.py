"""The page itself: complete without a network, and no text of an event can become markup."""

import re
from pathlib import Path

import pytest

from streams.errors import PulsewireError
from streams.serve.app import STATIC
from streams.serve.guard import allowed_hosts
from streams.settings import load_settings
from tests.serve.conftest import asking

SCRIPTS = sorted(STATIC.glob("*.js"))
AWAY = load_settings(clickhouse="http://127.0.0.1:9")


async def test_everything_that_the_page_names_is_served():
    async with asking(AWAY) as page:
        html = (await page.get("/")).text
        named = set(re.findall(r'(?:src|href)="(/[^"]+)"', html)) - {"/api/overview"}
        for script in SCRIPTS:
            named |= {
                f"/static/{name}" for name in re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8"))
            }
        assert len(named) > 8
        for path in named:
            assert (await page.get(path)).status_code == 200, path


async def test_the_policy_allows_our_own_scripts_only():
    async with asking(AWAY) as page:
        for path in ("/", "/static/app.js", "/api/overview", "/nowhere"):
            headers = (await page.get(path)).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_markup_from_text(script):
    text = script.read_text(encoding="utf-8")
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|ContextualFragment|\.srcdoc"
    assert not re.search(markup, text)


def test_nothing_comes_from_elsewhere():
    for file in (*SCRIPTS, STATIC / "index.html", STATIC / "style.css"):
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://[\w.]+|@import|url\(", text), file.name
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", html)


def test_every_element_that_scripts_look_for_is_there():
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    for script in SCRIPTS:
        for wanted in re.findall(r'\$\("([^"]+)"\)', script.read_text(encoding="utf-8")):
            assert wanted in ids, f"{script.name} looks for #{wanted}"


def test_the_chart_library_comes_with_its_licence():
    assert "MIT License" in (STATIC / "vendor" / "LICENSE.uPlot").read_text(encoding="utf-8")


async def test_a_foreign_name_for_our_address_reads_nothing():
    async with asking(AWAY, host="evil.example:8080") as page:
        assert (await page.get("/healthz")).status_code == 421
    async with asking(AWAY, host="[::1]:8080") as page:
        assert (await page.get("/healthz")).status_code == 200
    async with asking(load_settings(page="0.0.0.0:8080"), host="dashboard.internal") as page:
        assert (await page.get("/healthz")).status_code == 200


async def test_a_page_answers_to_the_names_that_are_listed():
    for address in ("127.0.0.1:8080", "0.0.0.0:8080"):
        settings = load_settings(page=address, page_hosts=("Pulse.example.org",))
        for host, status in {"pulse.EXAMPLE.org": 200, "localhost:8080": 200, "evil.example:8080": 421}.items():
            async with asking(settings, host=host) as page:
                answer = await page.get("/healthz")
            assert answer.status_code == status, (address, host)
            assert status == 200 or "PULSEWIRE_PAGE_HOSTS" in answer.text


@pytest.mark.parametrize("address", ["127.0.0.1:80", "localhost:80", "[::1]:80", "127.1.2.3:80"])
def test_loopback_pages_answer_to_loopback_names(address):
    assert "localhost" in (allowed_hosts(address) or ())


def test_a_port_that_is_taken_is_one_clear_line():
    from streams.cli.serve import listening

    with listening("127.0.0.1:0") as first:
        port = first.getsockname()[1]
        with pytest.raises(PulsewireError, match=f"cannot listen on 127.0.0.1:{port}: address already in use"):
            listening(f"127.0.0.1:{port}")


def test_static_files_are_small_enough_to_read():
    for script in SCRIPTS:
        assert len(script.read_text(encoding="utf-8").splitlines()) < 260, Path(script).name
