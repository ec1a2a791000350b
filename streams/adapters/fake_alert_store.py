"""`ports.AlertStore` in memory, for tests and for a look around without ClickHouse."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from streams.core.alert import Alert, Evidence
from streams.core.codec import from_rfc3339
from streams.core.event import E4, Scored
from streams.core.series import Series
from streams.core.window import WindowRow, is_error, join, series_of
from streams.errors import StoreAway
from streams.topology import Kind

_RowAt = tuple[Series, int, int, str, int]  # series, seconds, start, topic, partition


class FakeAlertStore:
    """Keeps what it is given. `away` has every call raise StoreAway."""

    def __init__(self) -> None:
        self.away = False
        self.rows: dict[_RowAt, WindowRow] = {}
        self.events: list[Scored] = []
        self.alerts: dict[tuple[str, str, int], Alert] = {}
        self._untold: set[tuple[str, str, int]] = set()

    def keep(self, rows: Iterable[WindowRow] = (), events: Iterable[Scored] = ()) -> None:
        """Hold what the event hop would have stored."""
        self.events += events
        for row in rows:
            at = (Series.of(row), row.window_seconds, row.window_start_ms, row.topic, row.partition)
            self.rows[at] = join(self.rows[at], row) if at in self.rows else row

    async def active(self, kind: Kind, dimensions: Collection[str], *, seconds: int, since_ms: int) -> list[Series]:
        """See `ports.AlertStore`."""
        self._answer()
        found = {series for series, size, start, _, _ in self.rows if size == seconds and start >= since_ms}
        return sorted(series for series in found if series.kind == kind and series.dimension in dimensions)

    async def firing(self, kind: Kind) -> list[Series]:
        """See `ports.AlertStore`."""
        self._answer()
        latest = {at[0]: alert for at, alert in sorted(self.alerts.items(), key=lambda one: one[0])}
        labels = [alert.labels for alert in latest.values() if alert.status == "firing"]
        return sorted({Series(kind, of["dimension"], of["key"]) for of in labels if of["kind"] == kind})

    async def history(
        self, series: Collection[Series], *, seconds: int, since_ms: int
    ) -> dict[Series, list[WindowRow]]:
        """See `ports.AlertStore`."""
        self._answer()
        found: dict[Series, list[WindowRow]] = {}
        for (one, size, start_ms, _, _), row in sorted(self.rows.items()):
            if one in series and size == seconds and start_ms >= since_ms:
                found.setdefault(one, []).append(row)
        return found

    async def latest(self, fingerprints: Collection[str]) -> dict[str, Alert]:
        """See `ports.AlertStore`."""
        self._answer()
        return {
            at[0]: alert for at, alert in sorted(self.alerts.items(), key=lambda one: one[0]) if at[0] in fingerprints
        }

    async def evidence(self, alert: Alert, *, size: int) -> list[Evidence]:
        """See `ports.AlertStore`."""
        self._answer()
        start_ms = from_rfc3339(alert.window.start)
        end_ms = start_ms + alert.window.seconds * 1_000
        if alert.rule == "action_drop":  # what is missing cannot be shown: the last that came
            start_ms = end_ms - 86_400_000
        at = (alert.labels["dimension"], alert.labels["key"])
        found = [
            one
            for one in self.events
            if one.event.kind == alert.labels["kind"] and start_ms <= one.event.event_time_ms < end_ms
            if at in series_of(one)
        ]
        found.sort(key=_ORDER.get(alert.rule, _latest))
        return [_evidence(one, alert.rule) for one in found[:size]]

    async def untold(self, kind: Kind) -> list[Alert]:
        """See `ports.AlertStore`."""
        self._answer()
        return [alert for at in sorted(self._untold) if (alert := self.alerts[at]).labels["kind"] == kind]

    async def write(self, alerts: Sequence[Alert], *, told: bool) -> None:
        """See `ports.AlertStore`."""
        self._answer()
        written = {(alert.fingerprint, alert.startsAt, alert.revision): alert for alert in alerts}
        self.alerts |= written
        self._untold = self._untold - written.keys() if told else self._untold | written.keys()

    def _answer(self) -> None:
        if self.away:
            raise StoreAway("the fake store was told to be away")


def _latest(one: Scored) -> tuple[object, ...]:
    return -one.event.event_time_ms, one.event.position


_ORDER: Final[dict[str, Callable[[Scored], tuple[object, ...]]]] = {
    "sentiment_drop": lambda one: (one.findings.sentiment == "", one.findings.sentiment_e4, one.event.position),
    "error_surge": lambda one: (not is_error(one), -one.findings.severity_score, one.event.position),
}


def _evidence(one: Scored, rule: str) -> Evidence:
    event, found = one.event, one.findings
    score = {"sentiment_drop": found.sentiment_e4 / E4, "error_surge": found.severity_score}.get(
        rule, found.anomaly_score
    )
    said = event.text or f"{event.action} {event.item_id}".strip()
    return Evidence(event.topic, event.partition, event.offset, event.event_id, said, score)
