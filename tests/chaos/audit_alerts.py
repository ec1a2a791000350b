"""Alerts: topic and table say the same under one id, incidents are in order, and a surge in the load is told of."""

import hashlib
import json
from collections import Counter, defaultdict

from tests.chaos.ledger import Diverged, same
from tests.chaos.moments import ms, rfc3339

MINUTE_MS = 60_000
SURGE = 15  # errors of one service in a minute, where it has hardly any
PAST = 20  # minutes with events before it, so that there is something usual
CALM = 6  # minutes after it, so that it is over
ALERTS = (
    "SELECT id, fingerprint, toUnixTimestamp64Milli(starts_at), revision, status, rule, kind, dimension, key, evidence,"
    " severity, value, expected, score, toUnixTimestamp64Milli(window_start), window_seconds,"
    " toUnixTimestamp64Milli(ends_at), told FROM alerts FINAL ORDER BY fingerprint, starts_at, revision"
)
POSITIONS = "SELECT topic, partition, offset FROM events FINAL"


def check_alerts(records, entries, query):
    """How many alerts there are. Raises Diverged."""
    rows = query(ALERTS)
    same("alerts topic against alerts", {row[0]: (*row[1:9], *row[10:17]) for row in rows}, _published(records))
    if len({row[0] for row in rows}) != len(rows):
        raise Diverged("alerts: an id stands twice", what="alerts")
    if silent := [row[:9] for row in rows if not row[17]]:
        raise Diverged(f"alerts: {len(silent)} are not marked as told, the first {silent[0]}", what="alerts")
    positions = set(map(tuple, query(POSITIONS)))
    incidents = defaultdict(list)
    for row in rows:
        incidents[row[1], row[2]].append(row)
        _identity(row)
        _evidence(row, positions)
    _revisions(incidents)
    _one_at_a_time(incidents)
    if not rows and (surges := surges_of(entries)):
        raise Diverged(f"alerts: none, though errors surged in {surges}", what="alerts")
    return len(rows)


def _published(records):
    """Of each id what was told; told again it must be the same alert, but for what it shows."""
    told = {}
    for record in records:
        alert = json.loads(record.value)
        said, name = _said(alert), alert["id"]
        if told.setdefault(name, said) != said:
            raise Diverged(f"alerts: {name} was told as {told[name]} and as {said}", what="alerts", at=said[0])
    return told


def _said(alert):
    """In the order of the table's columns."""
    of, window = alert["labels"], alert["window"]
    return (
        alert["fingerprint"], ms(alert["startsAt"]), alert["revision"], alert["status"], alert["rule"],
        of["kind"], of["dimension"], of["key"], alert["severity"], alert["value"], alert["expected"], alert["score"],
        ms(window["start"]), window["seconds"], ms(alert["endsAt"]),
    )  # fmt: skip


def _evidence(row, positions):
    evidence = json.loads(row[9])
    lost = [one for one in evidence if (one["topic"], one["partition"], one["offset"]) not in positions]
    if lost or (row[4] == "firing" and not evidence):
        raise Diverged(f"alerts: {row} shows {lost or 'nothing'}", what="alerts", at=row[1])


def _revisions(incidents):
    for at, revisions in incidents.items():
        numbers, states = [row[3] for row in revisions], [row[4] for row in revisions]
        if numbers != list(range(1, len(numbers) + 1)) or "resolved" in states[:-1]:
            raise Diverged(f"alerts: incident {at} has revisions {numbers}, {states}", what="alerts", at=at[0])


def _one_at_a_time(incidents):
    starts = defaultdict(list)
    for (fingerprint, start_ms), revisions in incidents.items():
        starts[fingerprint].append((start_ms, revisions[-1][4]))
    for fingerprint, several in starts.items():
        if "firing" in [status for _, status in sorted(several)[:-1]]:
            raise Diverged(f"alerts: {fingerprint} has several open: {sorted(several)}", what="alerts", at=fingerprint)


def _identity(row):
    name, fingerprint, start_ms, revision, _, rule, kind, dimension, key, *_ = row
    wanted = digest(rule, kind, dimension, key)[:16]
    if (fingerprint, name) != (wanted, digest(wanted, rfc3339(start_ms), str(revision))[:32]):
        raise Diverged(f"alerts: {row[:9]} is not named after what it is", what="alerts", at=fingerprint)


def digest(*parts):
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def surges_of(entries):
    """(minute, service, errors) of each minute that must be told of: many errors, with a past and with an end."""
    lines = Counter(entry.time_ms // MINUTE_MS for entry in entries if entry.kind == "logs")
    errors = Counter(
        (entry.time_ms // MINUTE_MS, dict(entry.keys)["service"])
        for entry in entries
        if entry.kind == "logs" and entry.error
    )
    full = sorted(minute for minute, count in lines.items() if count >= SURGE)
    return [
        (rfc3339(minute * MINUTE_MS), service, count)
        for (minute, service), count in sorted(errors.items())
        if count >= SURGE
        and sum(minute - PAST * 2 < one < minute for one in full) >= PAST
        and full[-1] >= minute + CALM
    ]
