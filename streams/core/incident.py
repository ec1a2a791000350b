"""The life of an alert: one incident of one rule on one series, from firing to resolved.

1. A breach fires once. While it lasts it is told again only when it became materially worse.
2. `calm_windows` windows without a breach after the last bad one resolve it; it ended with the last bad window.
3. In the cool-down after that end the fingerprint does not fire, in event time: the clock plays no part.
4. Everything is decided by the windows and by what was last told, so that whoever takes up the last told alert
   (`taken_up`) goes on as the one who told it would have, and says nothing twice.
"""

import msgspec

from streams.core.alert import Alert, AlertWindow, Severity, Status, alert_id, fingerprint_of
from streams.core.closing import BEGINNING
from streams.core.codec import from_rfc3339, rfc3339
from streams.core.rules import Breach, Limits, Rule
from streams.core.series import Series
from streams.core.window import start_of
from streams.core.wording import description, resolved, summary


class Incident(msgspec.Struct, frozen=True):
    """How an incident stands. Windows are named by their start."""

    start_ms: int
    last_bad_ms: int
    told_ms: int  # the window that was last told of
    revision: int
    severity: Severity
    told: Breach
    said: str
    open: bool


class Track:
    """One rule watching one series: which window comes next, and the latest incident."""

    # there may be a million
    __slots__ = ("_floor_ms", "_limits", "_seconds", "_series", "_step_ms", "incident", "next_ms", "rule")

    def __init__(self, rule: Rule, series: Series, *, seconds: int, limits: Limits, next_ms: int) -> None:
        self.rule = rule
        self.next_ms = next_ms
        self.incident: Incident | None = None
        self._series = series
        self._seconds = seconds
        self._step_ms = seconds * 1_000
        self._limits = limits
        self._floor_ms = BEGINNING  # what lies before it was told of

    @property
    def fingerprint(self) -> str:
        """What its alerts have in common."""
        series = self._series
        return fingerprint_of(self.rule.name, series.kind, series.dimension, series.key)

    def take_up(self, alert: Alert) -> None:
        """Go on from the latest alert that was told under this fingerprint."""
        told_ms, is_open = self._aligned(from_rfc3339(alert.window.start)), alert.status == "firing"
        last_bad_ms = told_ms if is_open else self._aligned(from_rfc3339(alert.endsAt) - 1)
        self.incident = Incident(
            start_ms=from_rfc3339(alert.startsAt),
            last_bad_ms=last_bad_ms,
            told_ms=told_ms,
            revision=alert.revision,
            severity=alert.severity,
            told=Breach(alert.value, alert.expected, alert.score),
            said=alert.annotations.get("summary", ""),
            open=is_open,
        )
        if is_open:  # what came after it may have been judged, but nothing was told of it
            self.next_ms = self._floor_ms = told_ms + self._step_ms
        else:
            self._floor_ms = last_bad_ms + (1 + self._limits.calm_windows) * self._step_ms
            self.next_ms = max(self.next_ms, self._floor_ms)

    def go_back(self, first_ms: int) -> None:
        """Judge from this window on, if that is not told of."""
        self.next_ms = min(self.next_ms, max(first_ms, self._floor_ms))

    def bad_windows(self) -> range:
        """The windows of the latest incident, which are no part of what is usual."""
        if self.incident is None:
            return range(0)
        return range(self._aligned(self.incident.start_ms), self.incident.last_bad_ms + 1, self._step_ms)

    def doubtful_windows(self) -> range:
        """Those, and a cool-down before and after: what was bad in one was not told, and is no more usual for that."""
        bad, cooldown_ms = self.bad_windows(), -(-self._limits.cooldown_ms // self._step_ms) * self._step_ms
        return range(bad.start - cooldown_ms, bad.stop + cooldown_ms, self._step_ms) if bad else bad

    def covers(self, start_ms: int) -> bool:
        """Whether an incident is open and this window belongs to it or came after."""
        return self.incident is not None and self.incident.open and start_ms >= self.incident.start_ms

    def _aligned(self, at_ms: int) -> int:
        """The window that holds this moment. What was told by windows of another width begins where none does."""
        return start_of(at_ms, self._seconds)

    def judged(self, start_ms: int, breach: Breach | None) -> Alert | None:
        """What the judgement of a window leads to. Judging a window again says nothing new unless it is worse now."""
        incident = self.incident
        if breach is not None:
            return self._bad(start_ms, breach)
        calm = self._limits.calm_windows * self._step_ms
        if incident is None or not incident.open or start_ms < incident.last_bad_ms + calm:
            return None
        self.incident = msgspec.structs.replace(incident, open=False, revision=incident.revision + 1)
        return self._alert("resolved")

    def _bad(self, start_ms: int, breach: Breach) -> Alert | None:
        incident, severity = self.incident, self._severity(breach)
        said = summary(self.rule.name, self._series, found=breach, seconds=self._seconds)
        if incident is None or not incident.open:
            if incident and start_ms < incident.last_bad_ms + self._step_ms + self._limits.cooldown_ms:
                return None
            self.incident = Incident(
                start_ms=start_ms, last_bad_ms=start_ms, told_ms=start_ms, revision=1, severity=severity,
                told=breach, said=said, open=True,
            )  # fmt: skip
            return self._alert("firing")
        if start_ms < incident.start_ms:
            return None
        incident = msgspec.structs.replace(incident, last_bad_ms=max(incident.last_bad_ms, start_ms))
        worse = breach.score >= self._limits.worse * incident.told.score
        if worse or (severity, incident.severity) == ("critical", "warning"):
            self.incident = msgspec.structs.replace(
                incident, revision=incident.revision + 1, told_ms=start_ms, told=breach, said=said, severity=severity
            )
            return self._alert("firing")
        self.incident = incident
        return None

    def _severity(self, breach: Breach) -> Severity:
        return "critical" if breach.score >= self._limits.critical * self.rule.threshold(self._limits) else "warning"

    def _alert(self, status: Status) -> Alert:
        if self.incident is None:
            raise AssertionError("no incident to tell of")
        it, series, limits = self.incident, self._series, self._limits
        starts_at, end_ms = rfc3339(it.start_ms), it.last_bad_ms + self._step_ms
        # After `history` windows at the latest an incident has become usual: until then it has not expired.
        expires_ms = end_ms + (limits.history + limits.calm_windows) * self._step_ms
        firing = status == "firing"
        return Alert(
            id=alert_id(self.fingerprint, starts_at=starts_at, revision=it.revision),
            fingerprint=self.fingerprint,
            revision=it.revision,
            status=status,
            rule=self.rule.name,
            severity=it.severity,
            labels={
                "alertname": self.rule.name, "rule": self.rule.name,
                "kind": series.kind, "dimension": series.dimension, "key": series.key,
            },
            annotations={
                "summary": it.said if firing else resolved(it.said, windows=limits.calm_windows),
                "description": description(self.rule.name, found=it.told),
            },
            startsAt=starts_at,
            endsAt=rfc3339(expires_ms if firing else end_ms),
            window=AlertWindow(start=rfc3339(it.told_ms), seconds=self._seconds),
            value=it.told.value,
            expected=it.told.expected,
            score=it.told.score,
        )  # fmt: skip
