"""What is asked of the store in earnest, and what it has to say on the rows of `_generated`.

The page's and the API's questions go to the application itself, by their addresses; the panels' as Grafana fills them
in; the worker's through its adapters. Which key, moment or kind is asked for is another one in every round.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from streams.serve.span import RANGE_MS
from streams.topology import KINDS, RAW
from tests.bench._generated import BUSY, END_MS, KEYS, MINUTE_MS, PARTITIONS, name, step_of
from tests.serve.board import PANELS, filled

HOUR_MS = 60 * MINUTE_MS
RANGES = (*list(RANGE_MS)[1:], "all")
TOPS = (("news", "category"), ("news", "source"), ("news", "entity"), ("logs", "service"), ("logs", "template"))


class Question(msgspec.Struct, frozen=True):
    """`ask` puts it for the nth time and raises AssertionError for an answer that is not right."""

    of: str
    what: str
    ask: Callable[[int], Awaitable[None]]


def of_the_page(page, made):
    """What the dashboard asks for as it refreshes, part by part and all at once, and behind a point."""
    for over in RANGES:
        yield Question("page", f"overview, {over}", lambda _n, over=over: _overview(page, made, over))
        for kind, dimension in TOPS:
            yield Question(
                "page", f"top of {dimension}, {over}",
                lambda _n, at=(kind, dimension), over=over: _top(page, made, *at, over),
            )  # fmt: skip
        yield Question("page", f"an entity's trend, {over}", lambda n, over=over: _trend(page, made, n, over))
        yield Question("page", f"all that it asks at once, {over}", lambda n, over=over: _refresh(page, made, n, over))
    yield Question("page", "alerts", lambda _n: _alerts(page))
    for sort in ("newest", "loudest"):
        yield Question("page", f"events of 10 min, {sort}", lambda n, sort=sort: _events(page, made, n, sort, 10))
        yield Question("page", f"events of a day, {sort}", lambda n, sort=sort: _events(page, made, n, sort, 1_440))


def of_grafana(reader):
    """What each panel of the dashboard asks for over a day of minutes."""
    for panel in PANELS:
        sql = filled(panel, 60, end_ms=END_MS)
        yield Question("Grafana", f"{panel['title']}, 24h", lambda _n, sql=sql: _panel(reader, sql))


def of_the_worker(events, alerts, made):
    """What a worker asks for when it takes a partition over, and when events come late."""
    first_ms = END_MS - 2 * HOUR_MS
    dimensions = sorted({dimension for _, dimension in KEYS} | {"all"})

    async def restore(n):
        kind = KINDS[n % 3]
        found = await events.restore(kind, RAW[kind], n % PARTITIONS, lateness_ms=60_000)
        assert found.watermark_ms == END_MS - MINUTE_MS
        assert len(found.rows) == _open(kind)

    async def late(n):
        kind, start_ms = KINDS[n % 3], END_MS - (2 + n % (made.hours - 1)) * HOUR_MS
        rows = await events.rows_of(kind, RAW[kind], n % PARTITIONS, {(60, start_ms), (3600, start_ms)})
        assert sum(row.window_seconds == 60 for row in rows) == _keys(kind)

    async def series(n):
        kind = KINDS[n % 3]
        assert len(await alerts.active(kind, dimensions, seconds=60, since_ms=first_ms)) == _keys(kind)

    async def history(_n):
        known = await alerts.active("news", ["entity"], seconds=60, since_ms=first_ms)
        rows = await alerts.history(known, seconds=60, since_ms=first_ms)
        assert len(rows[known[0]]) == 120 * PARTITIONS

    yield Question("worker", "open windows of a partition", restore)
    yield Question("worker", "a late event's windows", late)
    yield Question("worker", "series that live", series)
    yield Question("worker", "two hours of 500 series", history)


def _keys(kind):
    return 1 + sum(count for (of_kind, _), count in KEYS.items() if of_kind == kind)


def _open(kind):
    """Rows of a partition in the last two minutes and the last hour."""
    steps = [1] + [step_of(n) for (of_kind, _), count in KEYS.items() if of_kind == kind for n in range(count)]
    return sum((58 % step == 0) + (59 % step == 0) + 1 for step in steps)


async def _asked(page, name, **asked):
    answer = await page.get(f"/api/{name}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _overview(page, made, over):
    answer = await _asked(page, "overview", range=over)
    for kind in answer["kinds"].values():
        _same(made.summed(1, kind["from"], kind["to"]), kind["events"])
        _same(kind["events"], kind["negative"] + kind["positive"])
    _same((20, 180), (answer["alerts"]["firing"], answer["alerts"]["resolved"]))


async def _top(page, made, kind, dimension, over):
    answer = await _asked(page, "top", kind=kind, dimension=dimension, range=over)
    rows = answer["rows"]
    _same([name(dimension, n) for n in range(8)], [row["key"] for row in rows])
    _same([made.summed(1, answer["from"], answer["to"])] * 8, [row["events"] for row in rows])
    _same(rows[0]["events"], sum(rows[0]["spark"]))


async def _trend(page, made, n, over):
    key = n * 37 % KEYS["news", "entity"]
    asked = {"kind": "news", "dimension": "entity", "key": name("entity", key), "range": over}
    answer = await _asked(page, "trend", **asked)
    _same(made.summed(step_of(key), answer["from"], answer["to"]), sum(answer["points"]["events"]))


async def _refresh(page, made, n, over):
    tops = (("news", "category"), ("logs", "service"), ("user", "action"))
    heads = (_asked(page, "top", kind=kind, dimension="head", range=over, limit=20) for kind in KINDS)
    await asyncio.gather(
        _overview(page, made, over), _alerts(page), _trend(page, made, n, over),
        *(_top(page, made, *at, over) for at in tops), *heads,
    )  # fmt: skip


async def _alerts(page):
    found = (await _asked(page, "alerts"))["alerts"]
    _same(["firing"] * 20 + ["resolved"] * 10, [alert["status"] for alert in found])


async def _events(page, made, n, sort, minutes):
    to_ms = END_MS - n * 13 * MINUTE_MS
    from_ms, key = to_ms - minutes * MINUTE_MS, n % BUSY
    asked = {"kind": "news", "dimension": "category", "key": name("category", key), "from": from_ms, "to": to_ms}
    answer = await _asked(page, "events", sort=sort, limit=100, **asked)
    found = {(event["partition"], event["offset"]) for event in answer["events"]}
    _same(min(100, made.matching("news", 20, key, from_ms, to_ms)), len(found))
    _same(len(found), len(answer["events"]))


async def _panel(reader, sql):
    assert (await reader.query(sql)).row_count


def _same(expected, found):
    assert found == expected, f"expected {expected}, found {found}"
