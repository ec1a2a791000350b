"""Samples, drawn again from the rows of `events`.

A pick is a function of the events that a partition had up to some offset: of one hour of event time, round-robin over
what the model said, the doubtful first or by a hash. When it was asked for is not written down, so every offset is
tried: each sample must be of a pick that is there as a whole. Of an hour that a partition's event time has left, one
pick must have been made since.
"""

import json
from collections import defaultdict
from dataclasses import dataclass

from tests.chaos.ledger import Diverged, same
from tests.chaos.moments import ms

HOUR_MS = 3_600_000
SIZE, SHARE = 20, 0.05
_SAME = (
    "topic, partition, offset, event_id, event_time, text, lang, sentiment, category, intent, severity,"
    " uncertainty, model"
)
STRAY = (
    f"SELECT topic, partition, offset, event_id FROM samples FINAL WHERE ({_SAME}) NOT IN"
    f" (SELECT {_SAME} FROM events FINAL)"
)
SAMPLES = (
    "SELECT kind, topic, partition, offset, reason, toUnixTimestamp64Milli(picked_for), event_id, text"
    " FROM samples FINAL"
)
EVENTS = (
    "SELECT offset, toUnixTimestamp64Milli(event_time), toUnixTimestamp64Milli(ingested_at), uncertainty, text != '',"
    " (sentiment, category, severity), cityHash64(topic, partition, offset) FROM events FINAL"
    " WHERE topic = '{}' AND partition = {} ORDER BY offset"
)
PARTITIONS = "SELECT DISTINCT topic, partition FROM events ORDER BY topic, partition"


@dataclass(frozen=True)
class Candidate:
    """An event that may be picked."""

    offset: int
    uncertainty: float
    spoken: bool  # it has a text
    stratum: tuple
    dice: int


def check_samples(log, query):
    """How many samples there are, and how many hours each had to have a pick of. Raises Diverged."""
    if stray := query(STRAY):
        raise Diverged(f"samples: {len(stray)} are no events, the first {stray[0]}", what="samples", at=stray[0])
    stored = {tuple(row[:5]): tuple(row[5:]) for row in query(SAMPLES)}
    same("samples topic against samples", stored, _published(log["samples"]))
    picked = defaultdict(set)
    for (_, topic, partition, offset, reason), (hour, *_) in stored.items():
        picked[topic, partition, hour].add((offset, reason))
    first = _first_batches(log["windows"])
    hours = sum(_hold_partition(tuple(at), picked, first, query) for at in query(PARTITIONS))
    if picked:
        raise Diverged(f"samples: no event is in the hour of {min(picked)}", what="samples")
    return len(stored), hours


def _published(records):
    found = {}
    for record in records:
        one = json.loads(record.value)
        at = (one["kind"], one["topic"], one["partition"], one["offset"], one["reason"])
        said = (ms(one["picked_for"]), one["event_id"], one["text"])
        if found.setdefault(at, said) != said or record.key != one["event_id"].encode():
            raise Diverged(f"samples: {at} was published as {found[at]} and as {record.key}, {said}", what="samples")
    return found


def _first_batches(records):
    """Where each partition's first batch ended: the clock of a partition ticks after it. Nothing is picked of the hours
    that this batch spans, as nobody was there before to see them end."""
    first = {}
    for record in records:
        if b"|watermark|" not in record.key:
            continue
        row = json.loads(record.value)
        if row["dimension"] == "watermark":
            first.setdefault((row["topic"], row["partition"]), row["last_offset"])
    return first


def _hold_partition(at, picked, first, query):
    rows = query(EVENTS.format(*at))
    if at not in first:
        raise Diverged(f"samples: the clock of {at} never ticked on the topic windows", what="samples")
    hours = defaultdict(list)
    for offset, time_ms, _, *rest in rows:
        hours[time_ms - time_ms % HOUR_MS].append(Candidate(offset, *rest))
    left = _left(rows)
    due = 0
    for hour, inside in hours.items():
        since = next((offset for reached, offset in left if reached >= hour + HOUR_MS), None)
        since = since if since is not None and since > first[at] else None
        _hold_hour((*at, hour), inside, picked.pop((*at, hour), set()), since)
        due += since is not None and bool(pick(_until(inside, since)))
    return due


def _until(inside, offset):
    return [one for one in inside if one.offset <= offset]


def _left(rows):
    """(hour, offset): the hours that event time entered, with which event; one from the future counts as it came."""
    entered, reached = [(-1, -1)], -1
    for offset, time_ms, sent_ms, *_ in rows:
        reached = max(reached, sent_ms if 0 <= sent_ms < time_ms else time_ms)
        if reached - reached % HOUR_MS > entered[-1][0]:
            entered.append((reached - reached % HOUR_MS, offset))
    return entered


def _hold_hour(at, inside, there, since):
    """Each sample is of a pick that is there as a whole; of an hour left at offset `since`, one came then or later."""
    unexplained, wanting = set(there), since is not None
    for to in _askings([one.offset for one in inside], since):
        picks = pick(_until(inside, to))
        if picks <= there:
            unexplained -= picks
            wanting = wanting and to < since
        if not unexplained and not wanting:
            return
    if wanting:
        wanted = pick(_until(inside, since))
        missing = sorted(wanted - there)
        raise Diverged(
            f"samples: {at} has no pick since offset {since}; then it lacked {missing}", what="samples", at=at
        )
    raise Diverged(f"samples: {at} has {sorted(unexplained)}, which no pick has", what="samples", at=at)


def _askings(offsets, since):
    """Up to which offset it may have been asked for, the likeliest first: as the hour was left, later, before."""
    if since is None:
        return sorted(offsets, reverse=True)
    later = [offset for offset in offsets if offset > since]
    return [since, *later, *sorted((offset for offset in offsets if offset < since), reverse=True)]


def pick(inside):
    """(offset, reason) of what is picked from these events of one hour."""
    doubtful = [one for one in inside if one.uncertainty > 0.5]
    spoken = [one for one in inside if one.spoken]
    return {
        *((one.offset, "uncertain") for one in _round_robin(doubtful, lambda one: (-one.uncertainty, one.offset))),
        *((one.offset, "random") for one in _round_robin(spoken, lambda one: (one.dice, one.offset))),
    }


def _round_robin(some, order):
    """The first of each stratum, then the second of each, until there are enough."""
    strata, placed = defaultdict(int), []
    for one in sorted(some, key=order):
        strata[one.stratum] += 1
        placed.append((strata[one.stratum], *order(one), one))
    placed.sort(key=lambda place: place[:3])
    return [one for *_, one in placed[: min(SIZE, max(1, int(SHARE * len(some))))]]
