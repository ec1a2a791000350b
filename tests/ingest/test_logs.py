from __future__ import annotations

import json
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest.item import Item
from streams.ingest.logformats import FORMATS, named
from streams.ingest.loglines import LogReader, level_of
from streams.ingest.shape import Shape, Shaper

NOW_MS = 1_764_000_000_000  # 2025-11-24T16:00:00Z


def reader(**rest) -> LogReader:
    shaper = Shaper(Shape(key="service"), now_ms=lambda: NOW_MS)
    return LogReader(service="shop", source="shop.log", shaper=shaper, now_ms=lambda: NOW_MS, **rest)


def read(*lines: str, **rest) -> list[dict]:
    ours = reader(**rest)
    items = [item for number, line in enumerate(lines, start=1) for item in ours.feed(line, number=number)]
    items += ours.flush()
    assert all(isinstance(item, Item) and item.key == b"shop" for item in items)
    return [json.loads(item.value) for item in items]


# One line of each format: (line, time, level, message, other fields).
KNOWN = {
    "log4j": (
        "2026-02-03 04:05:06,789 WARN [pool-1] com.shop.Cart: slow cart",
        "2026-02-03T04:05:06.789Z", "warning", "slow cart", {"component": "com.shop.Cart", "thread": "pool-1"},
    ),
    "python": (
        "2026-02-03 04:05:06,789 - shop.cart - ERROR - no such item",
        "2026-02-03T04:05:06.789Z", "error", "no such item", {"component": "shop.cart"},
    ),
    "openstack": (
        "api.log.1.2026-02-03_13:53:08 2026-02-03 04:05:06.789 25746 INFO api.wsgi [req-1] GET /v2",
        "2026-02-03T04:05:06.789Z", "info", "[req-1] GET /v2", {"component": "api.wsgi", "pid": "25746"},
    ),
    "cri": ("2026-02-03T04:05:06.789123456Z stderr F it broke", "2026-02-03T04:05:06.789Z", None, "it broke", {}),
    "syslog5424": (
        "<34>1 2026-02-03T04:05:06.789Z web1 su 77 ID47 - su root failed",
        "2026-02-03T04:05:06.789Z", None, "su root failed", {"host": "web1", "component": "su", "pid": "77"},
    ),
    "iso": ("2026-02-03T04:05:06Z [ERROR] cannot write", "2026-02-03T04:05:06.000Z", "error", "cannot write", {}),
    "hdfs": (
        "260203 040506 148 INFO dfs.DataNode$Packet: responder terminating",
        "2026-02-03T04:05:06.000Z", "info", "responder terminating", {"component": "dfs.DataNode$Packet", "pid": "148"},
    ),
    "apache_error": (
        "[Tue Feb 03 04:05:06 2026] [error] child in error state 6",
        "2026-02-03T04:05:06.000Z", "error", "child in error state 6", {},
    ),
    "access": (
        '203.0.113.9 - bob [03/Feb/2026:04:05:06 +0100] "GET /a HTTP/1.1" 503 12',
        "2026-02-03T03:05:06.000Z", "error", '"GET /a HTTP/1.1" 503 12', {"host": "203.0.113.9", "status": "503"},
    ),
    "nginx": (
        "2026/02/03 04:05:06 [crit] 12#0: *1 open() failed",
        "2026-02-03T04:05:06.000Z", "critical", "*1 open() failed", {"pid": "12"},
    ),
    "go": ("2026/02/03 04:05:06 listening on 8080", "2026-02-03T04:05:06.000Z", None, "listening on 8080", {}),
    "klog": (
        "E0203 04:05:06.789012   12 pod.go:33] no such pod",
        "2025-02-03T04:05:06.789Z", "error", "no such pod", {"component": "pod.go:33", "pid": "12"},
    ),
    "syslog": (
        "Feb  3 04:05:06 web1 sshd[24200]: Invalid user bob",
        "2025-02-03T04:05:06.000Z", None, "Invalid user bob", {"host": "web1", "component": "sshd", "pid": "24200"},
    ),
    "syslog_bare": (
        "Feb  3 04:05:06 web1 link is up", "2025-02-03T04:05:06.000Z", None, "link is up", {"host": "web1"},
    ),
    "logfmt": (
        'time="2026-02-03T04:05:06Z" level=warn msg="slow" ms=900',
        "2026-02-03T04:05:06.000Z", "warning", 'msg="slow" ms=900', {},
    ),
}  # fmt: skip


def test_there_is_a_line_of_every_format():
    assert list(KNOWN) == [known.name for known in FORMATS]


@pytest.mark.parametrize("name", KNOWN)
def test_a_line_of_a_known_format(name):
    line, ts, level, message, others = KNOWN[name]
    given_level = {"level": level} if level else {}
    assert read(line) == [{"ts": ts, "service": "shop", "message": message, **given_level, **others}]


# What a repeat of a pattern takes, over and over, where nothing that follows it fits.
PADS = ("1", "a", " ", "-", ".", ":", "[", "]", '"', "\\", "<", "[pid 1", "a.log ", "1 ", 'a"')


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_no_line_makes_a_format_slow(known):
    """100,000 characters after each beginning of a line: milliseconds, or seconds where time grows by the square."""
    line = KNOWN[known.name][0]
    starts = {line[:end] for end in range(1, len(line) + 1) if not line[end - 1 : end].isalnum()}
    starts |= {line, *(start + "[pid 1" for start in starts)}
    spent_s = [match_s(known.pattern, start + pad * (100_000 // len(pad))) for start in starts for pad in PADS]
    assert max(spent_s) < 2  # of this thread's own time, and it takes a hundredth of that


def match_s(pattern, line) -> float:
    begun_s = thread_time()
    pattern.match(line)
    return thread_time() - begun_s


def test_a_json_line():
    line = '{"time":"2026-02-03T04:05:06Z","severity":"WARNING","msg":"slow","host":"a","ms":900}'
    assert read(line) == [
        {
            "ts": "2026-02-03T04:05:06.000Z",
            "service": "shop",
            "message": "slow",
            "level": "warning",
            "host": "a",
            "ms": 900,
        }
    ]


def test_a_stack_trace_is_one_record_with_the_line_that_threw_it():
    lines = (
        "2026-02-03 04:05:06,789 ERROR [main] com.shop.Pay: it broke",
        "java.io.IOException: no route",
        "\tat com.shop.Pay.go(Pay.java:12)",
        "Caused by: java.net.ConnectException",
        "2026-02-03 04:05:07,000 INFO [main] com.shop.Pay: again",
    )
    broken, again = read(*lines)
    assert broken["message"] == "it broke\n" + "\n".join(line for line in lines[1:4])
    assert again["message"] == "again"


def test_a_record_names_its_last_line_for_one_who_goes_on_from_there():
    ours = reader()
    items = [
        item
        for number, line in enumerate(("it broke", "  at a", "  at b"), 1)
        for item in ours.feed(line, number=number)
    ]
    assert [item.line for item in (*items, *ours.flush())] == [3]


def test_in_a_file_of_no_known_format_only_a_traces_lines_are_joined():
    found = read("it started", "it broke", "    at pay.go", "it goes on")
    assert [row["message"] for row in found] == ["it started", "it broke\n    at pay.go", "it goes on"]
    assert {row["ts"] for row in found} == {"2025-11-24T16:00:00.000Z"}


def test_a_record_does_not_grow_without_end():
    found = read("2026-02-03T04:05:06Z start", *(f"line {n} {'x' * 100}" for n in range(2_000)))
    assert len(found) > 2
    assert max(len(row["message"]) for row in found) < 70_000
    assert found[1]["ts"] == "2026-02-03T04:05:06.000Z"  # what follows happened when it did
    assert sum(row["message"].count("line ") for row in found) == 2_000


def test_a_format_of_ones_own():
    own = named(r"(?P<time>\d+)\|(?P<level>\w)\|(?P<zone>\w+)\|(?P<message>.*)", "s")
    assert read("1764000000|W|eu|disk full", own=own) == [
        {"ts": "2025-11-24T16:00:00.000Z", "service": "shop", "message": "disk full", "level": "warning", "zone": "eu"}
    ]


@pytest.mark.parametrize("pattern", ["(", "no group"])
def test_a_format_that_is_none(pattern):
    with pytest.raises(ValueError, match=r"regular expression|message"):
        named(pattern, None)


@pytest.mark.parametrize(
    ("written", "level"), [("SEVERE", "error"), ("Debug1", "debug"), ("loud", ""), ("EMERG", "critical")]
)
def test_levels(written, level):
    assert level_of(written) == level


@given(st.lists(st.text(max_size=40) | st.sampled_from([line for line, *_ in KNOWN.values()])))
def test_any_text_is_read_and_nothing_gets_lost(lines):
    lines = [line.replace("\n", " ") for line in lines]
    found = read(*lines)
    assert bool(found) == any(line.strip() for line in lines)
    assert all(row["message"].strip() and "\0" not in row["message"] for row in found)


@given(st.text())
def test_json_like_lines_never_raise(text):
    read("{" + text, '{"message":' + json.dumps(text) + ',"time":' + json.dumps(text) + "}")
