"""The topic `windows` against the table: every row in its last state, and no row twice in one state with other sums.

The topic is compacted by series. Where records of a partition are gone, a row may have been among them; the last
message of a series is never gone, so that each series of the table must be heard of even then.
"""

import json
from collections import defaultdict

from tests.chaos.ledger import Diverged, same
from tests.chaos.moments import ms

WHAT = "windows topic against windows"
ROWS = (
    "SELECT kind, dimension, key, window_seconds, toUnixTimestamp64Milli(window_start), topic, partition, last_offset,"
    " events, negative, neutral, positive, toInt64(sentiment_sum * 10000), anomalies, anomaly_max, errors"
    " FROM windows FINAL"
)
_COUNTS = ("anomalies", "anomaly_max", "errors")


def check_window_topic(records, query):
    """Raises Diverged unless the topic tells the table's rows."""
    stored = {tuple(row[:7]): tuple(row[7:]) for row in query(ROWS)}
    latest, heard = _published(records)
    gone = shortened(records)

    def excused(at):
        """Whether its last state may have been compacted away: its series is heard of in a partition with holes."""
        return heard.get(at[:3]) in gone and (at not in latest or latest[at][0] < stored[at][0])

    for at in [at for at in stored if excused(at)] if gone else ():
        del stored[at]
        latest.pop(at, None)
    same(WHAT, stored, latest)


def shortened(records):
    """The partitions of which records are gone: compaction and retention leave holes, and nothing else here does."""
    offsets = defaultdict(list)
    for record in records:
        offsets[record.partition].append(record.offset)
    return {partition for partition, found in offsets.items() if found != list(range(len(found)))}


def _published(records):
    """Of each row the furthest state that was published, and the partition that each series is in."""
    latest, heard = {}, {}
    for record in records:
        row = json.loads(record.value)
        series = (row["kind"], row["dimension"], row["key"])
        if record.key != "|".join(series).encode():
            raise Diverged(f"windows topic: {record.key} is the key of a row of {series}", what=WHAT)
        if row["dimension"] == "watermark":
            continue
        heard[series] = record.partition
        at = (*series, row["window_seconds"], ms(row["window_start"]), row["topic"], row["partition"])
        state = _state(row)
        before = latest.setdefault(at, state)
        if before[0] == state[0] and before != state:
            raise Diverged(f"windows topic: {at} was published as {before} and as {state}", what=WHAT, at=at)
        if state[0] > before[0]:
            latest[at] = state
    return latest, heard


def _state(row):
    counted = (row["last_offset"], row["events"], row["negative"], row["neutral"], row["positive"])
    return (*counted, round(row["sentiment_sum"] * 10_000), *(row[name] for name in _COUNTS))
