"""An alert, as it stands on the topic and in the table `alerts`: one for each incident, from firing to resolved.

The names are the contract's (and Alertmanager v2's, hence the camel case). `id` is made from (fingerprint, window,
revision), so that a consumer can drop repeats.
"""

from typing import Literal

import msgspec

Status = Literal["firing", "resolved"]
Severity = Literal["info", "warning", "critical"]


class Evidence(msgspec.Struct, frozen=True):
    """One event behind an alert."""

    topic: str
    partition: int
    offset: int
    id: str
    text: str
    score: float


class AlertWindow(msgspec.Struct, frozen=True):
    """The window that an alert is about; `start` is RFC 3339."""

    start: str
    seconds: int


class Alert(msgspec.Struct, frozen=True):
    """One revision of one alert. Times are RFC 3339 in UTC."""

    id: str
    fingerprint: str
    revision: int
    status: Status
    rule: str
    severity: Severity
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str  # noqa: N815
    endsAt: str  # noqa: N815
    window: AlertWindow
    value: float
    expected: float
    score: float
    evidence: tuple[Evidence, ...] = ()
