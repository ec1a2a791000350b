"""Alerts against the windows that the log makes: what each one claims, and whether what had to be told of was.

What a window held when it was judged depends on what was late, and so on the clock; late events only ever add. So a
claimed count is held to be no more than the window's last one, and each threshold of docs/alerts.md to be met by what
was claimed.
"""

from collections import Counter

from tests.chaos.ledger import MINUTE_MS, TOPICS, Diverged
from tests.chaos.moments import rfc3339

SURGE = 15  # errors of one service in a minute, where it has hardly any
PAST = 20  # minutes with events before it, so that there is something usual
CALM = 6  # minutes after it, so that it is over
TOLD = 0.5  # of the surges; a fault may hold one up until its events are late, and what is late fires nothing
HISTORY, COOLDOWN_MS, DAY_MS = 60, 600_000, 86_400_000
SPREADS = {"volume_surge": 6.0, "error_surge": 6.0, "sentiment_drop": 3.5, "action_drop": 3.5}
COUNTS = (
    "SELECT kind, dimension, key, toUnixTimestamp64Milli(window_start), sum(events), sum(errors) FROM windows FINAL"
    " WHERE window_seconds = 60 AND (kind, dimension, key) IN (SELECT kind, dimension, key FROM alerts)"
    " GROUP BY kind, dimension, key, window_start"
)
NEARLY = 1e-6


def check_claims(alerts, query):
    """Each alert says what its window, its rule and the windows before it allow. Raises Diverged."""
    counts = {tuple(row[:4]): (int(row[4]), int(row[5])) for row in query(COUNTS)}
    for alert in alerts:
        if wrong := [what for what, holds in _claims(alert, counts) if not holds]:
            raise Diverged(f"alerts: {alert} is no breach: {', '.join(wrong)}", what="alerts", at=alert.fingerprint)


def _claims(alert, counts):
    spreads, value, usual = SPREADS[alert.rule], alert.value, alert.expected
    events, errors = counts.get((*alert.series, alert.window_ms), (0, 0))
    before = range(alert.window_ms - HISTORY * MINUTE_MS, alert.window_ms, MINUTE_MS)
    most = max(counts.get((*alert.series, start), (0, 0))[0] for start in before)
    chance = max(usual, 1) ** 0.5
    claims = [
        ("its score", alert.score >= spreads),
        ("its severity", (alert.severity == "critical") == (alert.score >= 2 * spreads)),
        ("its window", alert.seconds == MINUTE_MS // 1_000 and alert.window_ms % MINUTE_MS == 0),
    ]
    match alert.rule:
        case "volume_surge":
            claims += [
                (f"{events} events", max(10, 3 * usual) <= value <= events),
                (f"at most {most} before", usual <= most),
                ("spreads of it", alert.score <= (value - usual) / chance + NEARLY),
            ]
        case "error_surge":
            claims += [(f"{errors} errors", max(5, usual) <= value <= errors)]
        case "sentiment_drop":
            claims += [("a fall", -1 <= value <= usual - 0.35 + NEARLY and usual <= 1)]
        case "action_drop":
            claims += [
                (f"{events} events", value <= min(events, 0.2 * usual)),
                (f"at most {most} before", usual <= most),
                ("spreads of it", alert.score <= (usual - value) / chance + NEARLY),
            ]
    return claims


def check_evidence(alerts, entries):
    """What fires shows events of its series, out of its window (of a drop, out of the day before). Raises Diverged."""
    there = {(TOPICS[entry.kind], entry.partition, entry.offset): entry for entry in entries}
    for alert in alerts:
        wrong = [at for at in alert.evidence if not _shows(alert, there.get(at))]
        if wrong or (alert.status == "firing" and not alert.evidence):
            said = f"alerts: {alert} shows {wrong or 'nothing'}"
            raise Diverged(said, what="alerts", at=alert.fingerprint)


def _shows(alert, entry):
    if entry is None or entry.kind != alert.kind:
        return False
    end_ms = alert.window_ms + MINUTE_MS
    since_ms = end_ms - DAY_MS if alert.rule == "action_drop" else alert.window_ms
    by_model = alert.dimension in ("all", "category")
    return since_ms <= entry.time_ms < end_ms and (by_model or (alert.dimension, alert.key) in entry.keys)


def surges_told(alerts, entries):
    """(surges that had to be told of, those that were). Raises Diverged if hardly any was."""
    incidents = {}
    for alert in alerts:  # the last revision of each stays
        if alert.rule == "error_surge":
            incidents[alert.fingerprint, alert.starts_ms] = alert
    surges = surges_of(entries)
    silent = [surge for surge in surges if not any(_tells(alert, surge) for alert in incidents.values())]
    if len(silent) > (1 - TOLD) * len(surges):
        said = f"alerts: of {len(surges)} surges of errors {len(silent)} were not told of, the first {silent[0]}"
        raise Diverged(said, what="alerts")
    return len(surges), len(surges) - len(silent)


def _tells(alert, surge):
    """Whether the surge is of this incident or of its cool-down. The first of its minutes may have been late."""
    stamp, service, _ = surge
    end_ms = alert.ends_ms if alert.status == "resolved" else alert.window_ms + MINUTE_MS
    return alert.key == service and rfc3339(alert.starts_ms - MINUTE_MS) <= stamp < rfc3339(end_ms + COOLDOWN_MS)


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
