"""Events, window rows and samples in ClickHouse.

Everything here may be repeated: rows replace themselves by their key (see infra/clickhouse/migrations).
"""

import decimal
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from clickhouse_connect.driver.asyncclient import AsyncClient

from streams import faults
from streams.adapters.clickhouse import Inserts, store_errors
from streams.core.event import E4, Event, Findings, Said, Sample, Scored
from streams.core.window import WindowAt, WindowRow
from streams.ports import Restored, Stretch
from streams.topology import Kind

EVENT_COLUMNS: Final = (
    "kind", "topic", "partition", "offset", "event_id", "event_time", "ingested_at", "source", "service", "host",
    "lang", "entities", "text", "url", "user_id", "action", "item_id", "value", "level", "sentiment", "sentiment_score",
    "category", "category_score", "intent", "severity", "severity_score", "template", "template_id", "anomaly_score",
    "uncertainty", "model", "extra", "heads",
)  # fmt: skip

WINDOW_COLUMNS: Final = (
    "window_start", "window_seconds", "kind", "dimension", "key", "topic", "partition", "events", "negative", "neutral",
    "positive", "sentiment_sum", "anomalies", "anomaly_max", "errors", "last_offset", "watermark",
)  # fmt: skip

SAMPLE_COLUMNS: Final = (
    "event_id", "reason", "picked_for", "kind", "topic", "partition", "offset", "event_time", "text", "lang",
    "sentiment", "category", "intent", "severity", "uncertainty", "model", "heads", "told",
)  # fmt: skip

_READ_WINDOWS: Final = """
SELECT kind, dimension, key, window_seconds, toUnixTimestamp64Milli(window_start) AS start_ms, topic, partition, events,
    negative, neutral, positive, toInt64(sentiment_sum * 10000) AS sum_e4, anomalies, anomaly_max, errors, last_offset,
    toUnixTimestamp64Milli(watermark) AS watermark_ms
FROM windows FINAL
WHERE kind = {kind:String} AND topic = {topic:String} AND partition = {partition:UInt32}
"""

# The last condition follows from the one before it, but its bounds are constants, so that the index serves it
_OPEN: Final = (
    _READ_WINDOWS
    + """  AND window_start > fromUnixTimestamp64Milli({horizon_ms:Int64} - toInt64(window_seconds) * 1000)
  AND (window_seconds <= 60 AND window_start > fromUnixTimestamp64Milli({horizon_ms:Int64} - 60000)
    OR window_seconds > 60 AND window_seconds <= 3600
      AND window_start > fromUnixTimestamp64Milli({horizon_ms:Int64} - 3600000)
    OR window_seconds > 3600 AND window_start > fromUnixTimestamp64Milli({horizon_ms:Int64} - 86400000))"""
)

_AT: Final = (
    _READ_WINDOWS
    + """  AND (toInt64(window_seconds), toUnixTimestamp64Milli(window_start)) IN {at:Array(Tuple(Int64, Int64))}"""
)

_WATERMARK: Final = """
SELECT count(), toUnixTimestamp64Milli(max(watermark)) FROM windows
WHERE kind = {kind:String} AND dimension = 'all' AND key = 'all' AND topic = {topic:String}
  AND partition = {partition:UInt32}
"""

# Round-robin over strata (what the model said), the doubtful first or in the order of a hash: the same whenever asked.
_SAMPLES: Final = """
WITH intDiv(toUnixTimestamp64Milli(event_time), {every_ms:Int64}) * {every_ms:Int64} AS stretch,
    cityHash64(topic, partition, offset) AS dice
SELECT reason, stretch AS picked_for_ms, event_id, kind, topic, partition, offset,
    toUnixTimestamp64Milli(event_time) AS event_time_ms, toUnixTimestamp64Milli(ingested_at) AS ingested_ms, text, lang,
    source, service, user_id, action, template, template_id,
    sentiment, category, intent, severity, uncertainty, model, heads
FROM
(
    SELECT *, 'uncertain' AS reason,
        row_number() OVER (
            PARTITION BY stretch, sentiment, category, severity ORDER BY uncertainty DESC, offset
        ) AS place,
        1 - uncertainty AS rank,
        count() OVER (PARTITION BY stretch) AS inside
    FROM events FINAL
    WHERE kind = {kind:String} AND topic = {topic:String} AND partition = {partition:UInt32} AND uncertainty > 0.5
      AND event_time >= fromUnixTimestamp64Milli({from_ms:Int64})
      AND event_time < fromUnixTimestamp64Milli({to_ms:Int64})
    UNION ALL
    SELECT *, 'random' AS reason,
        row_number() OVER (PARTITION BY stretch, sentiment, category, severity ORDER BY dice) AS place,
        dice / 18446744073709551615 AS rank,
        count() OVER (PARTITION BY stretch) AS inside
    FROM events FINAL
    WHERE kind = {kind:String} AND topic = {topic:String} AND partition = {partition:UInt32} AND text != ''
      AND event_time >= fromUnixTimestamp64Milli({from_ms:Int64})
      AND event_time < fromUnixTimestamp64Milli({to_ms:Int64})
)
QUALIFY row_number() OVER (PARTITION BY picked_for_ms, reason ORDER BY place, rank, offset)
    <= least({size:UInt32}, greatest(1, floor({share:Float64} * inside)))
ORDER BY picked_for_ms, reason, place, rank, offset
"""

_UNTOLD_SPAN: Final = """
SELECT count(), toUnixTimestamp64Milli(min(picked_for)), toUnixTimestamp64Milli(max(picked_for)) FROM samples FINAL
WHERE kind = {kind:String} AND topic = {topic:String} AND partition = {partition:UInt32} AND NOT told
"""

_UNTOLD: Final = """
SELECT picks.reason AS reason, toUnixTimestamp64Milli(picks.picked_for) AS picked_for_ms, event_id, kind, topic,
    partition, offset, toUnixTimestamp64Milli(event_time) AS event_time_ms,
    toUnixTimestamp64Milli(ingested_at) AS ingested_ms, text, lang, source, service, user_id, action, template,
    template_id, sentiment, category, intent, severity, uncertainty, model, heads
FROM
(
    SELECT * FROM events FINAL
    WHERE kind = {kind:String} AND topic = {topic:String} AND partition = {partition:UInt32}
      AND event_time >= fromUnixTimestamp64Milli({from_ms:Int64})
      AND event_time < fromUnixTimestamp64Milli({to_ms:Int64})
) AS found
INNER JOIN
(
    SELECT offset AS at, reason, picked_for FROM samples FINAL
    WHERE kind = {kind:String} AND topic = {topic:String} AND partition = {partition:UInt32} AND NOT told
) AS picks ON found.offset = picks.at
ORDER BY picked_for_ms, reason, offset
"""

_LAST_SAMPLED: Final = """
SELECT count(), toUnixTimestamp64Milli(max(picked_for)) FROM samples
WHERE kind = {kind:String} AND topic = {topic:String} AND partition = {partition:UInt32}
"""

_WINDOWS_A_QUERY: Final = 2_000  # a server takes 128 KiB for a parameter


class ClickHouseEventStore:
    """`ports.EventStore` on ClickHouse."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._inserts = Inserts(client)

    async def restore(self, kind: Kind, topic: str, partition: int, *, lateness_ms: int) -> Restored:
        """See `ports.EventStore`."""
        where: dict[str, Any] = {"kind": kind, "topic": topic, "partition": partition}
        with store_errors():
            found = await self._client.query(_WATERMARK, parameters=where)
            rows, watermark_ms = found.result_rows[0]
            if not rows:
                return Restored(None, ())
            horizon = where | {"horizon_ms": watermark_ms - lateness_ms}
            answer = await self._client.query(_OPEN, parameters=horizon)
            samples, sampled_ms = (await self._client.query(_LAST_SAMPLED, parameters=where)).result_rows[0]
        rows = tuple(WindowRow(*row) for row in answer.result_rows)
        return Restored(watermark_ms, rows, sampled_ms if samples else None)

    async def rows_of(self, kind: Kind, topic: str, partition: int, windows: Collection[WindowAt]) -> list[WindowRow]:
        """See `ports.EventStore`."""
        found: list[WindowRow] = []
        wanted = sorted(windows)
        for first in range(0, len(wanted), _WINDOWS_A_QUERY):
            some = wanted[first : first + _WINDOWS_A_QUERY]
            where = {"kind": kind, "topic": topic, "partition": partition, "at": some}
            with store_errors():
                answer = await self._client.query(_AT, parameters=where)
            found += [WindowRow(*row) for row in answer.result_rows]
        return found

    async def write(self, events: Sequence[Scored], rows: Sequence[WindowRow]) -> None:
        """See `ports.EventStore`."""
        # One after the other, though both at once would take two thirds of the time: where the store refuses an event,
        # no row that counts it may be stored, for the event goes to the dead letters
        faults.at("events.insert")
        await self._inserts.put("events", EVENT_COLUMNS, [event_row(scored) for scored in events])
        faults.at("windows.insert")
        await self._inserts.put("windows", WINDOW_COLUMNS, [_window_row(row) for row in rows])

    async def pick_samples(self, stretch: Stretch, *, size: int, share: float) -> list[Sample]:
        """See `ports.EventStore`."""
        where = {name: getattr(stretch, name) for name in stretch.__struct_fields__} | {"size": size, "share": share}
        with store_errors():
            answer = await self._client.query(_SAMPLES, parameters=where)
        return [_sample(row) for row in answer.named_results()]

    async def untold_samples(self, stretch: Stretch) -> list[Sample]:
        """See `ports.EventStore`."""
        where: dict[str, Any] = {"kind": stretch.kind, "topic": stretch.topic, "partition": stretch.partition}
        with store_errors():
            count, first_ms, last_ms = (await self._client.query(_UNTOLD_SPAN, parameters=where)).result_rows[0]
            if not count:
                return []
            span = {"from_ms": first_ms, "to_ms": last_ms + stretch.every_ms}
            answer = await self._client.query(_UNTOLD, parameters=where | span)
        return [_sample(row) for row in answer.named_results()]

    async def write_samples(self, samples: Sequence[Sample], *, told: bool) -> None:
        """See `ports.EventStore`."""
        rows = [(*_sample_row(sample), told) for sample in samples]
        await self._inserts.put("samples", SAMPLE_COLUMNS, rows)


def event_row(scored: Scored) -> tuple[Any, ...]:
    """The row of table `events`, in the order of EVENT_COLUMNS; times are epoch milliseconds."""
    e, f = scored.event, scored.findings
    return (
        e.kind, e.topic, e.partition, e.offset, e.event_id, e.event_time_ms, e.ingested_ms, e.source, e.service, e.host,
        e.lang, list(e.entities), e.text, e.url, e.user_id, e.action, e.item_id, e.value, e.level, f.sentiment,
        f.sentiment_e4 / E4, f.category, f.category_score, f.intent, f.severity, f.severity_score, e.template,
        e.template_id, f.anomaly_score, f.uncertainty, f.model, e.extra, _said(f),
    )  # fmt: skip


def _window_row(row: WindowRow) -> tuple[Any, ...]:
    return (
        row.window_start_ms, row.window_seconds, row.kind, row.dimension, row.key, row.topic, row.partition, row.events,
        row.negative, row.neutral, row.positive, decimal.Decimal(row.sentiment_sum_e4).scaleb(-4), row.anomalies,
        row.anomaly_max, row.errors, row.last_offset, row.watermark_ms,
    )  # fmt: skip


def _sample_row(sample: Sample) -> tuple[Any, ...]:
    e, f = sample.scored.event, sample.scored.findings
    return (
        e.event_id, sample.reason, sample.picked_for_ms, e.kind, e.topic, e.partition, e.offset, e.event_time_ms,
        e.text, e.lang, f.sentiment, f.category, f.intent, f.severity, f.uncertainty, f.model, _said(f),
    )  # fmt: skip


def _said(findings: Findings) -> dict[str, tuple[str, float]]:
    return {head: (said.label, said.score) for head, said in findings.heads.items()} if findings.heads else {}


def _sample(row: Mapping[str, Any]) -> Sample:
    event = Event(**{name: row[name] for name in Event.__struct_fields__ if name in row})
    found = {name: row[name] for name in Findings.__struct_fields__ if name in row}
    findings = Findings(**found | {"heads": {head: Said(**said) for head, said in row["heads"].items()}})
    return Sample(row["reason"], Scored(event, findings), row["picked_for_ms"])
