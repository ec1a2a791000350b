"""Alerts: topic and table say the same under one id, and each incident goes the way that docs/alerts.md tells."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.audit_breaches import COOLDOWN_MS, check_claims, check_evidence, surges_told
from tests.chaos.ledger import MINUTE_MS, Diverged, same
from tests.chaos.moments import ms, rfc3339

WORSE = 2  # times the score that was told, or a severity that rose: told again
ALERTS = (
    "SELECT id, fingerprint, toUnixTimestamp64Milli(starts_at), revision, status, rule, kind, dimension, key, severity,"
    " value, expected, score, toUnixTimestamp64Milli(window_start), window_seconds, toUnixTimestamp64Milli(ends_at),"
    " evidence, told FROM alerts FINAL ORDER BY fingerprint, starts_at, revision"
)


@dataclass(frozen=True)
class Told:
    """A revision of an alert. It is equal to another whatever it shows."""

    id: str
    fingerprint: str
    starts_ms: int
    revision: int
    status: str
    rule: str
    kind: str
    dimension: str
    key: str
    severity: str
    value: float
    expected: float
    score: float
    window_ms: int
    seconds: int
    ends_ms: int

    @property
    def series(self):
        return self.kind, self.dimension, self.key

    @property
    def found(self):
        return self.severity, self.value, self.expected, self.score, self.window_ms


@dataclass(frozen=True)
class Stored(Told):
    """As the table has it."""

    evidence: tuple  # of (topic, partition, offset)
    told: bool

    @property
    def said(self):
        return Told(*(getattr(self, name) for name in Told.__dataclass_fields__))


def check_alerts(records, entries, query):
    """How many alerts there are, surges in the log, and surges told of. Raises Diverged."""
    alerts = [Stored(*row[:-2], _places(row[-2]), row[-1]) for row in query(ALERTS)]
    same("alerts topic against alerts", {alert.id: alert.said for alert in alerts}, _published(records))
    if len({alert.id for alert in alerts}) != len(alerts):
        raise Diverged("alerts: an id stands twice", what="alerts")
    if silent := [alert for alert in alerts if not alert.told]:
        raise Diverged(f"alerts: {len(silent)} are not marked as told, the first {silent[0]}", what="alerts")
    of_series = defaultdict(lambda: defaultdict(list))
    for alert in alerts:
        of_series[alert.fingerprint][alert.starts_ms].append(alert)
        _identity(alert)
    for incidents in of_series.values():
        for revisions in incidents.values():
            _one_incident(revisions)
        _one_after_the_other([incidents[start_ms] for start_ms in sorted(incidents)])
    check_evidence(alerts, entries)
    check_claims(alerts, query)
    return len(alerts), *surges_told(alerts, entries)


def _published(records):
    """Of each id what was told; told again it must be the same alert, but for what it shows."""
    told = {}
    for record in records:
        alert = _of_message(json.loads(record.value))
        if (before := told.setdefault(alert.id, alert)) != alert:
            raise Diverged(f"alerts: {before} was told as {alert}, too", what="alerts", at=alert.fingerprint)
    return told


def _of_message(alert):
    of, window = alert["labels"], alert["window"]
    return Told(
        alert["id"], alert["fingerprint"], ms(alert["startsAt"]), alert["revision"], alert["status"], alert["rule"],
        of["kind"], of["dimension"], of["key"], alert["severity"], alert["value"], alert["expected"], alert["score"],
        ms(window["start"]), window["seconds"], ms(alert["endsAt"]),
    )  # fmt: skip


def _places(evidence):
    return tuple((one["topic"], one["partition"], one["offset"]) for one in json.loads(evidence))


def _one_incident(revisions):
    first, last = revisions[0], revisions[-1]
    numbers, states = [one.revision for one in revisions], [one.status for one in revisions]
    if numbers != list(range(1, len(numbers) + 1)) or "resolved" in states[:-1]:
        _wrong(first, f"has revisions {numbers}, {states}")
    if first.window_ms != first.starts_ms:
        _wrong(first, "does not begin with its window")
    for before, after in pairwise(revisions):
        risen = (before.severity, after.severity) == ("warning", "critical")
        if after.status == "firing" and not risen and after.score < WORSE * before.score:
            _wrong(after, f"is hardly worse than {before}")
        if after.status == "resolved" and after.found != before.found:
            _wrong(after, f"does not end what was told, {before}")
    if last.status == "resolved" and last.ends_ms < last.window_ms + MINUTE_MS:
        _wrong(last, "ends before its window")


def _one_after_the_other(incidents):
    """Of one fingerprint: one is over, and its cool-down, when the next begins."""
    for (*_, last), (first, *_) in pairwise(incidents):
        if last.status == "firing" or first.starts_ms < last.ends_ms + COOLDOWN_MS:
            _wrong(first, f"began before {last} was over")


def _identity(alert):
    mark = digest(alert.rule, *alert.series)[:16]
    name = digest(mark, rfc3339(alert.starts_ms), str(alert.revision))[:32]
    if (alert.fingerprint, alert.id) != (mark, name):
        _wrong(alert, "is not named after what it is")


def _wrong(alert, why):
    raise Diverged(f"alerts: {alert} {why}", what="alerts", at=alert.fingerprint)


def digest(*parts):
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
