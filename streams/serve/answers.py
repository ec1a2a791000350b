"""Questions become answers: what each address of the read API says, as plain values."""

import asyncio
from typing import Any, Final

import msgspec

from streams.core.alert import Evidence
from streams.serve import asking, queries
from streams.serve.span import FEW_BUCKETS, Extent, Span, source_for, span_of, too_fine, width_for
from streams.serve.store import Row, Store
from streams.topology import KINDS, Kind

Answer = dict[str, Any]

_SUMS: Final = ("events", "negative", "neutral", "positive", "anomalies", "errors")
_read_evidence: Final = msgspec.json.Decoder(tuple[Evidence, ...]).decode


class Answers:
    """Reads the store; `windows` are the widths of window that it holds, in seconds."""

    def __init__(self, store: Store, *, windows: tuple[int, ...]) -> None:
        self._store = store
        self._windows = windows
        self._base = min(windows)
        self._extents_asked: asyncio.Task[list[Row]] | None = None

    async def overview(self, ask: asking.Overview, *, now_ms: int) -> Answer:
        """How every kind and the alerts stand. A kind without data is null."""
        extents = await self._extents()
        known = {kind: extents[kind, "all"] for kind in KINDS if (kind, "all") in extents}
        spans = {kind: span_of(ask.range, one, now_ms=now_ms, base=self._base) for kind, one in known.items()}
        counts, points = await asyncio.gather(self._store.rows(queries.ALERT_COUNTS), self._courses(spans))
        kinds = {kind: _standing(known[kind], spans[kind], points[kind]) if kind in known else None for kind in KINDS}
        return {"range": ask.range, "kinds": kinds, "alerts": counts[0]}

    async def trend(self, ask: asking.Trend, *, now_ms: int) -> Answer | asking.Refused:
        """One series over time, as columns. Buckets without events are absent."""
        span = await self._span(ask, now_ms=now_ms)
        if span is None:
            return {"from": None, "to": None, "seconds": None, "live": False, "points": _columns([])}
        if ask.seconds:
            span = msgspec.structs.replace(span, seconds=ask.seconds)
        if finer := too_fine(span.to_ms - span.from_ms, span.seconds):  # "all" is as long as history
            return asking.Refused(finer)
        if source_for(span.seconds, self._windows) is None:
            windows = ", ".join(map(str, self._windows))
            return asking.Refused(f"seconds is {span.seconds}: expected a multiple of one of {windows}")
        series = {"kind": ask.kind, "dimension": ask.dimension, "key": ask.key}
        rows = await self._store.rows(queries.TREND, series | self._parameters(span))
        return _shown(span) | {"points": _columns(rows)}

    async def top(self, ask: asking.Top, *, now_ms: int) -> Answer:
        """The keys of a dimension with the most events, each with its course in `buckets` steps.

        The steps are wide enough that the widest windows serve early: it is the question that reads the most rows.
        """
        extents = await self._extents()
        if (ask.kind, "all") not in extents:
            return {"from": None, "to": None, "buckets": 0, "rows": []}
        extent = extents[ask.kind, "all"]
        span = span_of(ask.range, extent, now_ms=now_ms, base=self._base, most=FEW_BUCKETS)
        step_ms = span.seconds * 1_000
        asked = self._parameters(span) | {"kind": ask.kind, "dimension": ask.dimension, "limit": ask.limit}
        known = (ask.kind, ask.dimension) in extents
        rows = await self._store.rows(queries.TOP, asked) if known else []
        count = (span.to_ms - span.from_ms) // step_ms
        return _shown(span) | {"buckets": count, "rows": [_ranked(row, count) for row in rows]}

    async def alerts(self, ask: asking.Alerts) -> Answer:
        """Incidents, the firing ones first, then the latest."""
        rows = await self._store.rows(queries.ALERTS, {"status": ask.status, "limit": ask.limit})
        return {"alerts": [row | {"evidence": _evidence(row["evidence"])} for row in rows]}

    async def events(self, ask: asking.Events, *, now_ms: int) -> Answer:
        """The events of a series and a stretch of event time (of the last day where none is given)."""
        bounds = ask.bounds_ms
        if bounds is None:
            extent = (await self._extents()).get((ask.kind, "all"), Extent(0, now_ms))
            bounds = extent.latest_ms - 86_400_000, extent.latest_ms
        asked = {"kind": ask.kind, "dimension": ask.dimension, "key": ask.key, "sort": ask.sort, "limit": ask.limit}
        rows = await self._store.rows(queries.EVENTS, asked | {"from_ms": bounds[0], "to_ms": bounds[1]})
        return {"from": bounds[0], "to": bounds[1], "events": rows}

    async def ready(self) -> None:
        """Return when the store answers and holds our tables; raises StoreAway else."""
        await self._extents()

    async def _courses(self, spans: dict[Kind, Span]) -> dict[Kind, list[Row]]:
        """How the kinds went, each over its own stretch; one without a stretch has an empty one."""
        nothing = Span(from_ms=0, to_ms=0, seconds=self._base, live=False)
        each = {kind: self._parameters(spans.get(kind, nothing)) for kind in KINDS}
        asked = {"kinds": list(each), "steps_ms": [one["step_ms"] for one in each.values()]}
        asked |= {f"{kind}_{name}": one[name] for kind, one in each.items() for name in ("source", "from_ms", "to_ms")}
        rows = await self._store.rows(queries.COURSES, asked) if spans else []
        return {kind: [row for row in rows if row["kind"] == kind] for kind in KINDS}

    async def _span(self, ask: asking.Trend, *, now_ms: int) -> Span | None:
        if bounds := ask.bounds_ms:
            width = ask.seconds or width_for(bounds[1] - bounds[0], base=self._base)
            return Span(from_ms=bounds[0], to_ms=bounds[1], seconds=width, live=False)
        extent = (await self._extents()).get((ask.kind, "all"))
        return span_of(ask.range, extent, now_ms=now_ms, base=self._base) if extent else None

    async def _extents(self) -> dict[tuple[Kind, str], Extent]:
        """What is asked while it is being asked is one question: a page asks for all of its parts at once."""
        asked = self._extents_asked
        if asked is None or asked.done():
            self._extents_asked = asked = asyncio.create_task(self._store.rows(queries.EXTENTS, {"base": self._base}))
        rows = await asyncio.shield(asked)
        return {(row["kind"], row["dimension"]): Extent(row["first_ms"], row["latest_ms"]) for row in rows}

    def _parameters(self, span: Span) -> dict[str, Any]:
        source = source_for(span.seconds, self._windows) or self._base
        return {"source": source, "from_ms": span.from_ms, "to_ms": span.to_ms, "step_ms": span.seconds * 1_000}


def _standing(extent: Extent, span: Span, rows: list[Row]) -> Answer:
    total = {name: sum(row[name] for row in rows) for name in _SUMS}
    counted = total["negative"] + total["neutral"] + total["positive"]
    minutes = max(1.0, (min(span.to_ms, extent.latest_ms) - max(span.from_ms, extent.first_ms)) / 60_000)
    return (
        _shown(span)
        | total
        | {
            "first": extent.first_ms,
            "latest": extent.latest_ms,
            "per_minute": total["events"] / minutes,
            "sentiment": sum(row["sentiment_sum"] or 0.0 for row in rows) / counted if counted else None,
            "points": _columns(rows),
        }
    )


def _shown(span: Span) -> Answer:
    return {"from": span.from_ms, "to": span.to_ms, "seconds": span.seconds, "live": span.live}


def _mean(row: Row) -> float | None:
    counted = row["negative"] + row["neutral"] + row["positive"]
    return (row["sentiment_sum"] or 0.0) / counted if counted else None


def _columns(rows: list[Row]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in ("start_ms", *_SUMS, "anomaly_max")}
    return columns | {"sentiment": [_mean(row) for row in rows]}


def _ranked(row: Row, buckets: int) -> Row:
    course = [0] * buckets
    for bucket, events in row.pop("spark"):
        if 0 <= bucket < buckets:
            course[bucket] = events
    sentiment = _mean(row)
    del row["sentiment_sum"]
    return row | {"sentiment": sentiment, "spark": course}


def _evidence(text: str) -> tuple[Evidence, ...]:
    try:
        return _read_evidence(text)
    except msgspec.MsgspecError:
        return ()
