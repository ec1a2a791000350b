"""What the detector asks of ClickHouse: rows of series, alerts as they stand, the events behind them.

Everything that is written may be written again: alerts replace themselves by (fingerprint, starts_at, revision).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient

from streams.adapters.clickhouse import Inserts, store_errors
from streams.core.alert import Alert, AlertWindow, Evidence
from streams.core.codec import from_rfc3339, rfc3339
from streams.core.series import Series
from streams.core.window import ERROR_LEVELS, ERROR_SEVERITIES, WindowRow
from streams.topology import DAY_MS, Kind

ALERT_COLUMNS: Final = (
    "id", "fingerprint", "revision", "status", "rule", "severity", "kind", "dimension", "key", "labels", "annotations",
    "starts_at", "ends_at", "window_start", "window_seconds", "value", "expected", "score", "evidence", "told",
)  # fmt: skip

_A_QUERY: Final = 100_000  # bytes of a parameter at most: a server takes 128 KiB
_QUOTED: Final = 8  # bytes around a text in it, and as many again between three of them

_ACTIVE: Final = """
SELECT DISTINCT kind, dimension, key FROM windows
WHERE kind = {kind:String} AND dimension IN {dimensions:Array(String)} AND window_seconds = {seconds:UInt32}
  AND window_start >= fromUnixTimestamp64Milli({since_ms:Int64})
ORDER BY kind, dimension, key
"""

_FIRING: Final = """
SELECT DISTINCT kind, dimension, key FROM
(
    SELECT fingerprint, any(kind) AS kind, any(dimension) AS dimension, any(key) AS key,
        argMax(status, (starts_at, revision)) AS status
    FROM alerts FINAL WHERE alerts.kind = {kind:String} GROUP BY fingerprint
)
WHERE status = 'firing' ORDER BY kind, dimension, key
"""

_HISTORY: Final = """
SELECT kind, dimension, key, window_seconds, toUnixTimestamp64Milli(window_start) AS start_ms, topic, partition, events,
    negative, neutral, positive, toInt64(sentiment_sum * 10000) AS sum_e4, anomalies, anomaly_max, errors, last_offset,
    toUnixTimestamp64Milli(watermark) AS watermark_ms
FROM windows FINAL
WHERE (kind, dimension, key) IN {series:Array(Tuple(String, String, String))} AND window_seconds = {seconds:UInt32}
  AND window_start >= fromUnixTimestamp64Milli({since_ms:Int64})
ORDER BY kind, dimension, key, window_start, topic, partition
"""

_ALERTS: Final = """
SELECT id, fingerprint, revision, status, rule, severity, labels, annotations,
    toUnixTimestamp64Milli(starts_at) AS starts_ms, toUnixTimestamp64Milli(ends_at) AS ends_ms,
    toUnixTimestamp64Milli(window_start) AS window_ms, window_seconds, value, expected, score, evidence
FROM alerts FINAL
"""

_LATEST: Final = f"""{_ALERTS}
WHERE fingerprint IN {{fingerprints:Array(String)}}
ORDER BY fingerprint, starts_at DESC, revision DESC
LIMIT 1 BY fingerprint
"""

_UNTOLD: Final = f"""{_ALERTS}
WHERE NOT told AND kind = {{kind:String}}
ORDER BY fingerprint, starts_at, revision
"""

# Which events speak loudest depends on the rule; the position breaks ties, so that it is the same at each call.
_EVIDENCE: Final = """
SELECT topic, partition, offset, event_id, if(text != '', text, trim(concat(action, ' ', item_id))) AS said,
    multiIf({rule:String} = 'sentiment_drop', sentiment_score, {rule:String} = 'error_surge', toFloat64(severity_score),
        toFloat64(anomaly_score)) AS shown,
    if(level = '', severity IN {error_severities:Array(String)}, level IN {error_levels:Array(String)}) AS is_error
FROM events FINAL
WHERE kind = {kind:String}
  AND event_time >= fromUnixTimestamp64Milli({from_ms:Int64}) AND event_time < fromUnixTimestamp64Milli({to_ms:Int64})
  AND multiIf(
    {dimension:String} = 'all', true,
    {dimension:String} = 'source', source = {key:String},
    {dimension:String} = 'service', service = {key:String},
    {dimension:String} = 'category', category = {key:String},
    {dimension:String} = 'entity', has(entities, {key:String}),
    {dimension:String} = 'action', action = {key:String},
    {dimension:String} = 'lang', lang = {key:String},
    {dimension:String} = 'template', template_id = {key:String},
    false)
ORDER BY
    multiIf({rule:String} = 'sentiment_drop', toFloat64(sentiment = ''), {rule:String} = 'error_surge',
        toFloat64(NOT is_error), 0.),
    multiIf({rule:String} = 'sentiment_drop', sentiment_score,
        {rule:String} = 'error_surge', -toFloat64(severity_score),
        -toFloat64(toUnixTimestamp64Milli(event_time))),
    topic, partition, offset
LIMIT {size:UInt32}
"""


class ClickHouseAlertStore:
    """`ports.AlertStore` on ClickHouse."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._inserts = Inserts(client)

    async def active(self, kind: Kind, dimensions: Collection[str], *, seconds: int, since_ms: int) -> list[Series]:
        """See `ports.AlertStore`."""
        where = {"kind": kind, "dimensions": sorted(dimensions), "seconds": seconds, "since_ms": since_ms}
        return [Series(*row) for row in await self._rows(_ACTIVE, where)]

    async def firing(self, kind: Kind) -> list[Series]:
        """See `ports.AlertStore`."""
        return [Series(*row) for row in await self._rows(_FIRING, {"kind": kind})]

    async def history(
        self, series: Collection[Series], *, seconds: int, since_ms: int
    ) -> dict[Series, list[WindowRow]]:
        """See `ports.AlertStore`."""
        found: dict[Series, list[WindowRow]] = {}
        for some in _parts([(one.kind, one.dimension, one.key) for one in sorted(series)]):
            where = {"series": some, "seconds": seconds, "since_ms": since_ms}
            for row in map(_window_row, await self._rows(_HISTORY, where)):
                found.setdefault(Series.of(row), []).append(row)
        return found

    async def latest(self, fingerprints: Collection[str]) -> dict[str, Alert]:
        """See `ports.AlertStore`."""
        found: dict[str, Alert] = {}
        for some in _parts([(one,) for one in sorted(fingerprints)]):
            with store_errors():
                answer = await self._client.query(_LATEST, parameters={"fingerprints": [name for (name,) in some]})
            found |= {row["fingerprint"]: _alert(row) for row in answer.named_results()}
        return found

    async def evidence(self, alert: Alert, *, size: int) -> list[Evidence]:
        """See `ports.AlertStore`."""
        from_ms = from_rfc3339(alert.window.start)
        to_ms = from_ms + alert.window.seconds * 1_000
        where = {
            "rule": alert.rule,
            "kind": alert.labels["kind"],
            "dimension": alert.labels["dimension"],
            "key": alert.labels["key"],
            # What is missing cannot be shown: of a drop, the last that came.
            "from_ms": to_ms - DAY_MS if alert.rule == "action_drop" else from_ms,
            "to_ms": to_ms,
            "error_severities": sorted(ERROR_SEVERITIES),
            "error_levels": sorted(ERROR_LEVELS),
            "size": size,
        }
        return [Evidence(*row[:6]) for row in await self._rows(_EVIDENCE, where)]

    async def untold(self, kind: Kind) -> list[Alert]:
        """See `ports.AlertStore`."""
        with store_errors():
            answer = await self._client.query(_UNTOLD, parameters={"kind": kind})
        return [_alert(row) for row in answer.named_results()]

    async def write(self, alerts: Sequence[Alert], *, told: bool) -> None:
        """See `ports.AlertStore`."""
        await self._inserts.put("alerts", ALERT_COLUMNS, [(*_alert_row(alert), told) for alert in alerts])

    async def _rows(self, query: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        with store_errors():
            answer = await self._client.query(query, parameters=parameters)
        rows: Sequence[Sequence[Any]] = answer.result_rows
        return rows


def _parts(wanted: Sequence[tuple[str, ...]]) -> Iterator[list[tuple[str, ...]]]:
    """What is asked for, in pieces that a parameter may hold. Escaped, a byte may take two."""
    some: list[tuple[str, ...]] = []
    size = 0
    for one in wanted:
        takes = sum(2 * len(text.encode()) + _QUOTED for text in one) + _QUOTED
        if some and size + takes > _A_QUERY:
            yield some
            some, size = [], 0
        some.append(one)
        size += takes
    if some:
        yield some


def _window_row(row: Sequence[Any]) -> WindowRow:
    return WindowRow(*row)


def _alert_row(alert: Alert) -> tuple[Any, ...]:
    labels = alert.labels
    return (
        alert.id, alert.fingerprint, alert.revision, alert.status, alert.rule, alert.severity, labels["kind"],
        labels["dimension"], labels["key"], labels, alert.annotations, from_rfc3339(alert.startsAt),
        from_rfc3339(alert.endsAt), from_rfc3339(alert.window.start), alert.window.seconds, alert.value, alert.expected,
        alert.score, msgspec.json.encode(alert.evidence).decode(),
    )  # fmt: skip


def _alert(row: Mapping[str, Any]) -> Alert:
    return Alert(
        id=row["id"], fingerprint=row["fingerprint"], revision=row["revision"], status=row["status"], rule=row["rule"],
        severity=row["severity"], labels=dict(row["labels"]), annotations=dict(row["annotations"]),
        startsAt=rfc3339(row["starts_ms"]), endsAt=rfc3339(row["ends_ms"]),
        window=AlertWindow(start=rfc3339(row["window_ms"]), seconds=row["window_seconds"]), value=row["value"],
        expected=row["expected"], score=row["score"],
        evidence=msgspec.json.decode(row["evidence"], type=tuple[Evidence, ...]),
    )  # fmt: skip
