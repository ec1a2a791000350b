"""How the row came about that differs first: every version of it, the events behind it, the faults that struck then."""

from dataclasses import dataclass

from tests.chaos.audit_sums import WHAT as SUMS
from tests.chaos.ledger import TOPICS


@dataclass(frozen=True)
class Struck:
    """A fault, and from when until when it was being made good (milliseconds of the clock)."""

    number: int
    kind: str
    from_ms: int
    until_ms: int


def history(diverged, truth, log, query, *, struck=()):
    """Lines to print below a divergence."""
    if diverged.at is None or not isinstance(diverged.at, tuple):
        return []
    places = _behind(diverged, truth)
    of = {"events": _event, "windows": _window, SUMS: _sums}.get(diverged.what)
    return [*(of(diverged.at, query) if of else []), *_sent(places, log), *_during(places, log, struck)]


def _behind(diverged, truth):
    """(topic, partition, offset) of the events that the row is of."""
    at = diverged.at
    if diverged.what == "events":
        return [at[1:4]]
    if diverged.what not in ("windows", SUMS):  # dead letters and scored events are named by the place alone
        return [at] if len(at) == 3 and at[0] in TOPICS.values() else []
    kind, dimension, key, seconds, start_ms, *_, partition = at
    by_model = diverged.what == SUMS  # which of them the row counts, events alone tell
    return [
        (TOPICS[kind], partition, entry.offset)
        for entry in truth.entries
        if (entry.kind, entry.partition) == (kind, partition)
        and 0 <= entry.time_ms - start_ms < seconds * 1_000
        and (by_model or dimension == "all" or (dimension, key) in entry.keys)
    ]


def _records(places, log):
    wanted = set(places)
    topics = {topic for topic, _, _ in wanted}
    return [r for topic in topics for r in log[topic] if (topic, r.partition, r.offset) in wanted]


def _sent(places, log):
    return [f"  sent    {r.topic}/{r.partition}/{r.offset} {r.value[:200]!r}" for r in _records(places, log)]


def _during(places, log, struck):
    """The faults that were not made good yet when one of these was sent."""
    stamps = [record.timestamp for record in _records(places, log)]
    found = [one for one in struck if any(one.from_ms <= stamp <= one.until_ms for stamp in stamps)]
    return [f"  sent during fault {one.number}, {one.kind}" for one in found]


def _event(at, query):
    _, topic, partition, offset, *_ = at
    rows = query(
        f"SELECT _part, * FROM events WHERE topic = '{topic}' AND partition = {partition} AND offset = {offset}"
    )
    return [f"  stored  {row}" for row in rows]


def _window(at, query):
    return _versions(at[:5], query, f"AND partition = {at[5]}")


def _sums(at, query):
    kind, _dimension, _key, seconds, start_ms, topic, partition = at
    counted = query(
        "SELECT topic, partition, offset, sentiment, sentiment_score, category, entities, template_id, lang, level,"
        f" severity, anomaly_score, _part FROM events WHERE kind = '{kind}' AND topic = '{topic}'"
        f" AND partition = {partition} AND intDiv(toUnixTimestamp64Milli(event_time), {seconds * 1000})"
        f" = {start_ms // (seconds * 1000)} ORDER BY offset"
    )
    return [*_versions(at[:5], query, f"AND partition = {partition}"), *(f"  event   {row}" for row in counted)]


def _versions(series, query, more=""):
    kind, dimension, key, seconds, start_ms = series
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    rows = query(
        "SELECT partition, last_offset, events, negative, neutral, positive, sentiment_sum, anomalies,"
        " anomaly_max, errors, watermark, _part"
        f" FROM windows WHERE kind = '{kind}' AND dimension = '{dimension}' AND key = '{quoted}'"
        f" AND window_seconds = {seconds} AND toUnixTimestamp64Milli(window_start) = {start_ms} {more}"
        " ORDER BY partition, last_offset"
    )
    return [f"  version {row}" for row in rows]
