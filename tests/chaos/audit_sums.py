"""Each row of `windows`, in every dimension, size and partition, recounted from the rows of `events`.

What the model decides can be told from `events` alone; that those are the log's, the ledger says.
"""

from tests.chaos.ledger import ERROR_LEVELS, SIZES, Diverged, same

WHAT = "sums of windows against events"
ANOMALOUS = 0.5
ERROR_SEVERITIES = ("error", "critical")
# (the keys that an event counts for, the kinds that have the dimension)
KEYS = {
    "all": ("['all']", ("news", "logs", "user")),
    "source": ("[source]", ("news", "logs")),
    "service": ("[service]", ("logs",)),
    "action": ("[action]", ("user",)),
    "category": ("[category]", ("news",)),
    "entity": ("arrayDistinct(entities)", ("news",)),
    "template": ("[template_id]", ("logs",)),
    "lang": ("[lang]", ("news", "user")),
    "head": ("arrayMap((head, said) -> concat(head, ': ', said.1), mapKeys(heads), mapValues(heads))",
             ("news", "logs", "user")),
}  # fmt: skip
SHAPES = "SELECT DISTINCT dimension, window_seconds FROM windows"
_COUNTED = (
    "count(), countIf(sentiment = 'negative'), countIf(sentiment = 'neutral'), countIf(sentiment = 'positive'),"
    f" sum(toInt64(round(sentiment_score * 10000))), countIf(anomaly_score >= {ANOMALOUS}), max(anomaly_score),"
    f" countIf(if(level = '', severity IN {ERROR_SEVERITIES}, level IN {ERROR_LEVELS})), max(offset)"
)
_STORED = (
    "events, negative, neutral, positive, toInt64(sentiment_sum * 10000), anomalies, anomaly_max, errors, last_offset"
)


def check_sums(query):
    """Raises Diverged with what differs first."""
    if strange := [shape for shape in query(SHAPES) if shape[0] not in KEYS or shape[1] not in SIZES]:
        raise Diverged(f"windows: nothing has rows of {strange}", what=WHAT)
    for dimension in KEYS:
        for seconds in SIZES:  # one at a time: a long run has a million rows
            same(
                WHAT,
                _rows(query(of_events(dimension, seconds)), dimension, seconds),
                _rows(query(of_windows(dimension, seconds)), dimension, seconds),
            )


def of_events(dimension, seconds):
    """The SQL that counts events as such a window has to."""
    key, kinds = KEYS[dimension]
    one = f"('{kinds[0]}')" if len(kinds) == 1 else str(kinds)
    return (
        f"SELECT kind, arrayJoin({key}) AS k, intDiv(toUnixTimestamp64Milli(event_time), {seconds * 1_000})"
        f" * {seconds * 1_000} AS start, topic, partition, {_COUNTED} FROM events FINAL"
        f" WHERE kind IN {one} AND k != '' GROUP BY kind, k, start, topic, partition"
    )


def of_windows(dimension, seconds):
    """The SQL that tells what such windows have."""
    return (
        f"SELECT kind, key, toUnixTimestamp64Milli(window_start), topic, partition, {_STORED} FROM windows FINAL"
        f" WHERE dimension = '{dimension}' AND window_seconds = {seconds}"
    )


def _rows(rows, dimension, seconds):
    """(kind, dimension, key, seconds, start, topic, partition) -> the columns; `events` keeps a score in 32 bits."""
    return {(row[0], dimension, row[1], seconds, *row[2:5]): (*row[5:11], round(row[11], 4), *row[12:]) for row in rows}
