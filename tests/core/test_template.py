"""Templates of log lines: pure, stable, and grouping as people group."""

import csv
import os
import time
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.template import template_id, template_of


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("timeout calling inventory (5000 ms)", "timeout calling inventory (<*> ms)"),
        ("order 7 paid in 12.5ms", "order <*> paid in <*>"),
        ("Deleting block blk_-1608 file /mnt/x/blk_-1608", "Deleting block blk_<*> file <*>"),
        ("ask 10.0.0.1:50010 to delete blk_1 blk_2 blk_3", "ask <*> to delete blk_<*>"),
        ("nodes 1, 2, 3", "nodes <*>"),
        ("Failed password for root from 1.2.3.4 port 22 ssh2", "Failed password for <*> from <*> port <*>"),
        ("Failed password for invalid user bob from 1.2.3.4", "Failed password for invalid user <*> from <*>"),
        ("user=alice uid=0 tty= done", "user=<*> uid=<*> tty= done"),
        ('10.1.1.1 "GET /v2/a HTTP/1.1" status: 200', '<*> "GET <*>" status: <*>'),
        ('10.1.1.1 "POST /v2/a HTTP/1.1" status: 200', '<*> "POST <*>" status: <*>'),
        ("GET /api/items/SKU-0007 200 in 12 ms", "GET /api/items/<*> in <*> ms"),
        ("GET /api/v1/search?q=shoes 200", "GET /api/v1/search?<*>"),
        ("POST /api/cart 201 in 7 ms", "POST /api/cart <*> in <*> ms"),
        ("GET /a/b/c/d/e/f", "GET /a/b/c/d/<*>"),
        ("GET /favicon.ico 200", "GET <*>"),
        ("Can't find 'x y', isn't there", "Can't find <*>, isn't there"),
        ("id 550e8400-e29b-41d4-a716-446655440000", "id <*>"),
        ("at Sun Dec 04 04:47:44 2005 again", "at <*> again"),
        ("at 2026-11-24T13:21:38.123Z again", "at <*> again"),
        ("query aacbfdbf rewritten", "query <*> rewritten"),
        ("from fe80::1 and 00:1B:44:11:3A:B7", "from <*> and <*>"),
        ("get https://a.example/b?c=d#e now", "get <*> now"),
        ("connection from 1.2.3.4 () at 10:30:15", "connection from <*> (<*>) at <*>"),
        ("init() ok", "init() ok"),
        ("looking up ns.example.com [failed]", "looking up <*> [failed]"),
        ("用户123登录失败，耗时45毫秒", "用户<*>登录失败，耗时<*>毫秒"),
        ("用户=张三，路径/var/log，完成", "用户=<*>，路径<*>，完成"),
        ("no digits here", "no digits here"),
        (
            'time="2026-11-24T13:21:38Z" level=error msg="dial tcp 10.0.0.1:80: refused" user=joe',
            'time=<*> level=error msg="dial tcp <*>: refused" user=<*>',
        ),
        ("lvl=warn event=retry n=3 error=EOF", "lvl=warn event=retry n=<*> error=EOF"),
        (
            '{"ts":1,"level":"error","msg":"db 7 down","id":"x"}',
            '{<*>:<*>,"level":"error","msg":"db <*> down",<*>:<*>}',
        ),
        ('{"Message": "login by user joe", "n": 1}', '{"Message": "login by user <*>", <*>: <*>}'),
        (r'msg="open \"a\" failed" rest="x"', r'msg="open \<*> failed" rest=<*>'),
        ('error=e1 msg="cut', 'error=<*> msg="cut'),
        ("  two \n lines\t", "two lines"),
        ("", ""),
    ],
)
def test_template_of(message, template):
    assert template_of(message) == template
    assert template_of(template) == template


WORDS = [
    "user",
    "for",
    "blk_12",
    "a=b",
    "=",
    "10.0.0.1:80",
    "<*>",
    "(",
    ")",
    "()",
    ",",
    " ",
    "  ",
    "'",
    '"',
    "/a/b",
    "Dec 4",
    ":",
    "x.y.com",
]


@given(
    st.lists(
        st.from_regex(
            r"[a-zA-Z]{1,8}|[0-9]{1,5}|[a-z]{1,4}=[a-z0-9]{1,4}|/[a-z]+/[a-z0-9]+|blk_[0-9]+"
            r'|(?:level=|msg=|"msg":)"(?:for user )?[a-z0-9 ]{1,9}"',
            fullmatch=True,
        ),
        max_size=12,
    )
)
def test_the_template_of_a_template_is_itself(words):
    template = template_of(" ".join(words))
    assert template_of(template) == template


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=12).map("".join))
def test_any_text_has_a_template(text):
    template = template_of(text)
    assert template_of(text) == template
    assert len(template_id(template)) == 12


@given(st.integers(min_value=0), st.integers(min_value=0))
def test_a_number_does_not_matter(one, other):
    assert template_of(f"took {one} ms") == template_of(f"took {other} ms")


def test_ids_stay_what_they_are():
    assert template_id("order <*> paid") == "6d980cd46252"
    assert template_id("a") != template_id("b")


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a.",
        "a_",
        "-",
        "a-",
        "'",
        '"',
        "/",
        "::",
        "Mon ",
        "<*> ",
        "ab_<*> ",
        "(",
        "=",
        "1 Jan ",
        "http:",
        'msg="',
        '"msg":"',
        'msg="\\a',
    ],
)
def test_is_linear(piece):
    started = time.process_time()
    template_of(piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 0.5


LOGHUB = Path(os.environ.get("PULSEWIRE_SEED_DATA", "../shared/data")) / "logs_loghub"


def grouping_accuracy(truth: list[str], found: list[str]) -> float:
    """The share of lines that are grouped with exactly the lines that they belong with."""
    belong, together = defaultdict(set), defaultdict(set)
    for line, (event, template) in enumerate(zip(truth, found, strict=True)):
        belong[event].add(line)
        together[template].add(line)
    return sum(len(lines) for lines in together.values() if belong[truth[min(lines)]] == lines) / len(truth)


@pytest.mark.skipif(not LOGHUB.is_dir(), reason="the real logs are not here")
@pytest.mark.parametrize(
    ("system", "at_least"),
    [("Apache", 1.0), ("HDFS", 1.0), ("Hadoop", 0.98), ("Linux", 0.81), ("OpenSSH", 1.0), ("OpenStack", 1.0)],
)
def test_groups_real_logs_as_people_did(system, at_least):
    with (LOGHUB / f"{system}_2k.log_structured.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [template_of(row["Content"]) for row in rows]
    assert grouping_accuracy([row["EventId"] for row in rows], found) >= at_least
