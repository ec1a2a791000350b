"""Times as topics write them, and back."""

from datetime import UTC, datetime


def ms(stamp):
    """Milliseconds since 1970 of an RFC 3339 time."""
    return round(datetime.fromisoformat(stamp).timestamp() * 1_000)


def rfc3339(at_ms):
    """The time as topics and identities have it."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1_000:03d}Z"
