"""How the row came about that differs first: every version of it that the table still has, and the events behind it."""


def history(diverged, truth, query):
    """Lines to print below a divergence."""
    if diverged.at is None or not isinstance(diverged.at, tuple):
        return []
    of = {"events": _event, "windows": _window, "sums of windows against events": _sums}.get(diverged.what)
    return of(diverged.at, truth, query) if of else []


def _event(at, truth, query):
    kind, topic, partition, offset, *_ = at
    rows = query(
        f"SELECT _part, * FROM events WHERE topic = '{topic}' AND partition = {partition} AND offset = {offset}"
    )
    sent = [e for e in truth.entries if (e.kind, e.partition, e.offset) == (kind, partition, offset)]
    return [*(f"  stored  {row}" for row in rows), *(f"  sent    {entry}" for entry in sent)]


def _window(at, truth, query):
    kind, dimension, key, seconds, start_ms, partition = at
    rows = _versions(at[:5], query, f"AND partition = {partition}")
    sent = [
        e
        for e in truth.entries
        if (e.kind, e.partition, e.time_ms // (seconds * 1_000) * seconds * 1_000) == (kind, partition, start_ms)
        and (dimension == "all" or (dimension, key) in e.keys)
    ]
    return [*rows, "  offsets sent: " + " ".join(str(entry.offset) for entry in sent)]


def _sums(at, _truth, query):
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
