"""Rows made inside ClickHouse, in any number, such that every answer about them is known beforehand.

1. Time ends at END_MS. A series with `step` n has rows in every nth minute, one for each partition, and hourly ones
   that are the sums. A row's `events` are `of(minute, partition)`: from 1 to 5.
2. Of these, one is negative and the others positive; a row with five events has an error and an anomaly.
3. Every tenth minute also has the row as it was before its last event, as a worker that flushes twice leaves it.
4. Events lie evenly over the same time. Event n is of kind n % 3, and its keys are functions of n too. Every twentieth
   is stored twice, as a replay leaves it.
"""

from bisect import bisect_left
from collections.abc import Iterator

import msgspec

from streams.topology import KINDS

END_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MINUTE_MS = 60_000
HOUR = 60  # minutes
PARTITIONS = 4
KEYS = {
    ("news", "source"): 40, ("news", "category"): 20, ("news", "entity"): 500, ("news", "lang"): 2,
    ("logs", "source"): 30, ("logs", "service"): 30, ("logs", "template"): 400,
    ("user", "action"): 12, ("user", "lang"): 2,
}  # fmt: skip
BUSY = 20  # keys of a dimension that have rows in every minute; the next 20 in every second, and so on


class Made(msgspec.Struct, frozen=True):
    """How much there is: `hours` of windows, and `events` over the same time."""

    hours: int
    events: int

    @classmethod
    def of(cls, *, windows: int, events: int) -> "Made":
        """About so many rows of windows, in whole hours."""
        an_hour = sum(PARTITIONS * (HOUR // step + 1) for *_, step in series())
        return cls(max(2, round(windows / an_hour)), events)

    @property
    def start_ms(self) -> int:
        """Where time begins."""
        return END_MS - self.hours * HOUR * MINUTE_MS

    def summed(self, step: int, from_ms: int, to_ms: int) -> int:
        """Events of a series in the windows that start in [from, to)."""
        first, after = (-(-(at - self.start_ms) // MINUTE_MS) for at in (from_ms, to_ms))
        minutes = range(-(-max(0, first) // step) * step, min(after, self.hours * HOUR), step)
        again = [sum(of(minute, p) for p in range(PARTITIONS)) for minute in minutes[:5]]  # from there on the same five
        return len(minutes) // 5 * sum(again) + sum(again[: len(minutes) % 5])

    def time_ms(self, n: int) -> int:
        """When event n was."""
        return self.start_ms + n * self.hours * HOUR * MINUTE_MS // self.events

    def matching(self, kind: str, keys: int, key: int, from_ms: int, to_ms: int) -> int:
        """Events of a kind whose key, of so many, is this one, in [from, to)."""
        mine = range(KINDS.index(kind) + 3 * key, self.events, 3 * keys)
        before_end, before = (bisect_left(mine, at, key=self.time_ms) for at in (to_ms, from_ms))
        return max(0, before_end - before)


def of(minute: int, partition: int) -> int:
    """Events of a row."""
    return 1 + (minute + partition) % 5


def series() -> Iterator[tuple[str, str, str, int]]:
    """(kind, dimension, key, step) of all there are."""
    for kind in KINDS:
        yield kind, "all", "all", 1
    for (kind, dimension), count in KEYS.items():
        for number in range(count):
            yield kind, dimension, name(dimension, number), step_of(number)


def name(dimension: str, number: int) -> str:
    """The key with this number."""
    return f"{dimension}-{number:04d}"


def step_of(number: int) -> int:
    """In which minutes a key has rows; the same in every hour."""
    return next(step for step in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30) if step > number // BUSY)


_COLUMNS = (
    "window_start, window_seconds, kind, dimension, key, topic, partition, events, negative, neutral, positive, "
    "sentiment_sum, anomalies, anomaly_max, errors, last_offset, watermark"
)
_RAW = "transform(kind, ['news', 'logs', 'user'], ['news.raw', 'logs.raw', 'user.events'], '')"
_MINUTES = """
    SELECT {first:UInt64} + m.number AS minute, p.number AS partition, 1 + (minute + partition) % 5 AS of,
        arrayJoin({series:Array(Tuple(String, String, String, UInt32))}) AS one, one.1 AS kind, one.2 AS dimension,
        one.3 AS key
    FROM numbers({minutes:UInt64}) AS m CROSS JOIN numbers({partitions:UInt64}) AS p
    WHERE minute % one.4 = 0
"""
_START = "fromUnixTimestamp64Milli(toInt64({start_ms:Int64} + minute * 60000))"

OLD_ROWS = f"""
INSERT INTO windows ({_COLUMNS})
SELECT {_START}, 60, kind, dimension, key, {_RAW}, partition, of - 1, least(of - 1, 1), 0, greatest(of, 2) - 2,
    of - 3, 0, 0, 0, minute * 100 + partition, {_START}
FROM ({_MINUTES}) WHERE minute % 10 = 0
"""
ROWS = f"""
INSERT INTO windows ({_COLUMNS})
SELECT {_START}, 60, kind, dimension, key, {_RAW}, partition, of, 1, 0, of - 1,
    toDecimal64(toInt64(of) - 2, 4), of = 5, of / 10, of = 5, minute * 100 + partition + 1, {_START}
FROM ({_MINUTES})
"""
HOURS = f"""
INSERT INTO windows ({_COLUMNS})
SELECT fromUnixTimestamp64Milli(toInt64({{start_ms:Int64}} + intDiv(minute, 60) * 3600000)) AS start, 3600, kind,
    dimension, key, {_RAW}, partition, sum(of), count(), 0, sum(of) - count(), sum(toInt64(of)) - 2 * count(),
    countIf(of = 5), max(of) / 10, countIf(of = 5), max(minute) * 100 + partition + 1, max({_START})
FROM ({_MINUTES})
GROUP BY start, kind, dimension, key, partition
"""
EVENTS = """
INSERT INTO events (kind, topic, partition, offset, event_id, event_time, ingested_at, source, service, lang, entities,
    text, url, user_id, action, item_id, level, sentiment, sentiment_score, category, category_score, severity,
    severity_score, template, template_id, anomaly_score, uncertainty, model)
SELECT ['news', 'logs', 'user'][n % 3 + 1] AS kind, ['news.raw', 'logs.raw', 'user.events'][n % 3 + 1] AS topic,
    i % {partitions:UInt32}, intDiv(i, {partitions:UInt32}) AS offset, concat(topic, '-', toString(i)),
    fromUnixTimestamp64Milli(toInt64({start_ms:Int64} + intDiv(n * {span_ms:UInt64}, {events:UInt64}))) AS at, at,
    if(kind = 'user', '', concat('source-', leftPad(toString(i % if(kind = 'news', 40, 30)), 4, '0'))),
    if(kind = 'logs', concat('service-', leftPad(toString(i % 30), 4, '0')), ''),
    if(kind = 'logs', '', concat('lang-000', toString(i % 2))),
    if(kind = 'news', [concat('entity-', leftPad(toString(i % 500), 4, '0'))], []),
    if(kind = 'user', '', concat('What is told by number ', toString(cityHash64(n)), ' of a market that moved, as ',
        toString(i % 97), ' of its observers say, for the better or the worse')),
    if(kind = 'news', concat('https://example.org/', toString(n)), ''),
    if(kind = 'user', concat('u', toString(i % 9973)), ''),
    if(kind = 'user', concat('action-', leftPad(toString(i % 12), 4, '0')), ''), '',
    if(kind = 'logs', 'info', ''), if(kind = 'news', ['negative', 'neutral', 'positive'][i % 3 + 1], ''),
    if(kind = 'news', (cityHash64(n) % 2001) / 1000 - 1, 0),
    if(kind = 'news', concat('category-', leftPad(toString(i % 20), 4, '0')), ''), 0.5, if(kind = 'logs', 'info', ''),
    if(kind = 'logs', (cityHash64(n) % 1000) / 1000, 0), '',
    if(kind = 'logs', concat('template-', leftPad(toString(i % 400), 4, '0')), ''),
    if(kind = 'logs', (cityHash64(n + 1) % 1000) / 1000, 0), (cityHash64(n + 2) % 1000) / 1000, 'generated'
FROM (SELECT number AS n, intDiv(n, 3) AS i FROM numbers({first:UInt64}, {count:UInt64}) WHERE n % {every:UInt32} = 0)
"""
# an incident of two revisions each; the last of each fingerprint's are open
ALERTS = """
INSERT INTO alerts (id, fingerprint, revision, status, rule, severity, kind, dimension, key, labels, annotations,
    starts_at, ends_at, window_start, window_seconds, value, expected, score, evidence)
SELECT concat(fingerprint, toString(n), toString(revision)), hex(cityHash64(n % 200)) AS fingerprint, revision,
    if(revision = 2, 'resolved', 'firing'), 'volume_surge', if(n % 4 = 0, 'critical', 'warning'), 'news' AS kind,
    'entity' AS dimension, concat('entity-', leftPad(toString(n % 200), 4, '0')) AS key,
    map('kind', kind, 'dimension', dimension, 'key', key), map('summary', 'so many', 'description', 'more than usual'),
    fromUnixTimestamp64Milli(toInt64({start_ms:Int64} + intDiv(n * {span_ms:UInt64}, {alerts:UInt64}))) AS starts_at,
    starts_at + 600, starts_at, 60, 100, 10, 9, '[]'
FROM (SELECT number AS n, arrayJoin([1, 2]) AS revision FROM numbers({alerts:UInt64}))
WHERE revision = 1 OR n < {alerts:UInt64} - 20
"""
