"""An alert, as it stands on the topic and in the table `alerts`: one for each incident, from firing to resolved.

The names are the contract's (and Alertmanager v2's, hence the camel case).

1. A fingerprint is what is watched: it is made from (rule, kind, dimension, key) and stays the same for ever.
2. An incident is (fingerprint, startsAt); its revisions count 1, 2, 3; the last one is `resolved`.
3. `id` is made from (fingerprint, startsAt, revision), so that a consumer can drop repeats.
"""

from hashlib import sha256
from typing import Final, Literal

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


_SEPARATOR: Final = "\x1f"  # keys are free text: what joins them must not make two of them one
_decoder: Final = msgspec.json.Decoder(Alert)


def fingerprint_of(rule: str, kind: str, dimension: str, key: str) -> str:
    """The name of what a rule watches, 16 hexadecimal digits, as Alertmanager's."""
    return _digest(rule, kind, dimension, key)[:16]


def alert_id(fingerprint: str, *, starts_at: str, revision: int) -> str:
    """The identity of one revision."""
    return _digest(fingerprint, starts_at, str(revision))[:32]


def encode_alert(alert: Alert) -> bytes:
    """The value of a message on the topic `alerts`."""
    return msgspec.json.encode(alert)


def decode_alert(value: bytes | None) -> Alert | None:
    """The alert that a message on the topic `alerts` carries, or None where it carries none."""
    try:
        return _decoder.decode(value or b"")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _digest(*parts: str) -> str:
    return sha256(_SEPARATOR.join(parts).encode("utf-8", "surrogatepass")).hexdigest()
