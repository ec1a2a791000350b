"""The SELECTs behind the page. Values come in as server-side parameters only; times go out as epoch milliseconds."""

from typing import Final

from streams.topology import KINDS

ALIVE: Final = "SELECT 1 AS alive"

# From when to when there is data of each kind and dimension, by the projection of that name. No FINAL, with which no
# projection serves, and no need of it: a replaced row has the same start as the row that replaced it
EXTENTS: Final = """
SELECT kind, dimension,
       toUnixTimestamp64Milli(min(window_start)) AS first_ms,
       toUnixTimestamp64Milli(max(window_start)) + {base:Int64} * 1000 AS latest_ms
FROM windows
WHERE window_seconds = {base:UInt32}
GROUP BY kind, dimension
"""

_SERIES: Final = """
WHERE t.kind = {kind:String} AND t.dimension = {dimension:String} AND t.window_seconds = {source:UInt32}
  AND t.window_start >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND t.window_start < fromUnixTimestamp64Milli({to_ms:Int64})
"""

# From the rows themselves: what adds up need not be grouped by window first, as the view `trend` does for its readers
_SUMS: Final = """
       sum(t.events) AS events,
       sum(t.negative) AS negative,
       sum(t.neutral) AS neutral,
       sum(t.positive) AS positive,
       toFloat64(sum(t.sentiment_sum)) AS sentiment_sum,
       sum(t.anomalies) AS anomalies,
       max(t.anomaly_max) AS anomaly_max,
       sum(t.errors) AS errors
"""

TREND: Final = f"""
SELECT intDiv(toUnixTimestamp64Milli(t.window_start), {{step_ms:Int64}}) * {{step_ms:Int64}} AS start_ms,
{_SUMS}
FROM windows AS t FINAL
{_SERIES}
  AND t.key = {{key:String}}
GROUP BY start_ms
ORDER BY start_ms
"""  # noqa: S608 - put together from constants of this file

_STRETCH: Final = """(t.kind = 'KIND' AND t.window_seconds = {KIND_source:UInt32}
       AND t.window_start >= fromUnixTimestamp64Milli({KIND_from_ms:Int64})
       AND t.window_start < fromUnixTimestamp64Milli({KIND_to_ms:Int64}))"""
_STRETCHES: Final = "\n    OR ".join(_STRETCH.replace("KIND", kind) for kind in KINDS)

# The course of every kind, each over a stretch of its own: one question, since most of its price is that it is asked
COURSES: Final = f"""
SELECT t.kind AS kind,
       transform(t.kind, {{kinds:Array(String)}}, {{steps_ms:Array(Int64)}}, toInt64(1)) AS step_ms,
       intDiv(toUnixTimestamp64Milli(t.window_start), step_ms) * step_ms AS start_ms,
{_SUMS}
FROM windows AS t FINAL
WHERE t.dimension = 'all' AND t.key = 'all'
  AND ({_STRETCHES})
GROUP BY kind, step_ms, start_ms
ORDER BY kind, start_ms
"""  # noqa: S608

TOP: Final = f"""
SELECT b.key AS key,
       sum(b.events) AS events,
       sum(b.negative) AS negative,
       sum(b.neutral) AS neutral,
       sum(b.positive) AS positive,
       sum(b.sentiment_sum) AS sentiment_sum,
       sum(b.anomalies) AS anomalies,
       max(b.anomaly_max) AS anomaly_max,
       sum(b.errors) AS errors,
       groupArray((b.bucket, b.events)) AS spark
FROM
(
    SELECT t.key AS key,
           intDiv(toUnixTimestamp64Milli(t.window_start) - {{from_ms:Int64}}, {{step_ms:Int64}}) AS bucket,
{_SUMS}
    FROM windows AS t FINAL
{_SERIES}
    GROUP BY key, bucket
) AS b
GROUP BY key
ORDER BY events DESC, key
LIMIT {{limit:UInt32}}
"""  # noqa: S608

# One row an incident: its latest revision. A firing one that a later incident of its fingerprint overtook is left out.
ALERTS: Final = """
SELECT id, fingerprint, revision, status, rule, severity, labels, annotations,
       toUnixTimestamp64Milli(starts_at) AS starts_ms,
       toUnixTimestamp64Milli(ends_at) AS ends_ms,
       toUnixTimestamp64Milli(window_start) AS window_ms,
       window_seconds, value, expected, score, evidence
FROM
(
    SELECT *, starts_at = max(starts_at) OVER (PARTITION BY fingerprint) AS current
    FROM alerts FINAL
    ORDER BY fingerprint, starts_at, revision DESC
    LIMIT 1 BY fingerprint, starts_at
)
WHERE (current OR status = 'resolved') AND {status:String} IN ('any', status)
ORDER BY status = 'firing' DESC, window_start DESC, starts_at DESC, fingerprint
LIMIT {limit:UInt32}
"""

ALERT_COUNTS: Final = """
SELECT countIf(status = 'firing') AS firing,
       countIf(status = 'firing' AND severity = 'critical') AS critical,
       countIf(status = 'resolved') AS resolved
FROM
(
    SELECT status, severity FROM alerts FINAL ORDER BY fingerprint, starts_at DESC, revision DESC LIMIT 1 BY fingerprint
)
"""

EVENTS: Final = """
SELECT kind, topic, partition, offset, event_id, toUnixTimestamp64Milli(event_time) AS time_ms, source, service, host,
       lang, entities, substringUTF8(text, 1, 4000) AS text, substringUTF8(url, 1, 4000) AS url, user_id, action,
       item_id, value, level, sentiment, sentiment_score, category, category_score, intent, severity, severity_score,
       substringUTF8(template, 1, 4000) AS template, template_id, anomaly_score, model,
       substringUTF8(extra, 1, 4000) AS extra, heads
FROM events FINAL
WHERE kind = {kind:String}
  AND event_time >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND event_time < fromUnixTimestamp64Milli({to_ms:Int64})
  AND multiIf({dimension:String} = 'all', 1,
              {dimension:String} = 'source', source = {key:String},
              {dimension:String} = 'category', category = {key:String},
              {dimension:String} = 'entity', has(entities, {key:String}),
              {dimension:String} = 'service', service = {key:String},
              {dimension:String} = 'template', template_id = {key:String},
              {dimension:String} = 'action', action = {key:String},
              {dimension:String} = 'lang', lang = {key:String},
              {dimension:String} = 'head', arrayExists(
                  (head, said) -> concat(head, ': ', said.label) = {key:String}, mapKeys(heads), mapValues(heads)),
              0)
ORDER BY if({sort:String} = 'loudest', greatest(anomaly_score, severity_score, abs(sentiment_score)), 0) DESC,
         event_time DESC, topic, partition, offset DESC
LIMIT {limit:UInt32}
"""
