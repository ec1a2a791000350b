"""Reading the many ways in which a time is written."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
SECONDS_BELOW: Final = 100_000_000_000  # a number below this is seconds (to the year 5138), one above is milliseconds
UNITS: Final = {"s": 1_000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
REMAINS: Final = "unconverted data remains: "
NUMBER: Final = re.compile(r"[+-]?\d{1,20}(\.\d{1,9})?")
AGO: Final = re.compile(r"(\d{1,6}|an?)\s+(second|minute|min|hour|day|week)s?\s+ago", re.IGNORECASE)
AGO_MS: Final = {
    "second": 1_000, "minute": 60_000, "min": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000,
}  # fmt: skip


def to_ms(moment: datetime, zone: tzinfo = UTC) -> int:
    """Epoch milliseconds; a time without a zone is in `zone`."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return (aware - EPOCH) // MILLISECOND


def rfc3339(time_ms: int) -> str:
    """The moment as RFC 3339 in UTC, with milliseconds."""
    return (EPOCH + time_ms * MILLISECOND).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1_000:03d}Z"


def read_time(value: object, *, time_format: str | None = None, zone: tzinfo = UTC) -> int | None:
    """Epoch milliseconds of a written time, or None.

    Without a format: numbers are epoch seconds or milliseconds by their size, text is ISO 8601 or RFC 2822.
    A format is strptime's (text after what it names is ignored), or one of s, ms, us, ns.
    """
    try:
        if isinstance(value, int) and not isinstance(value, bool) and "%" in (time_format or ""):
            value = str(value)  # 20260102
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _number(float(value), time_format)
        if not isinstance(value, str) or not (text := value.strip()):
            return None
        if NUMBER.fullmatch(text) and (time_format is None or time_format in UNITS):
            return _number(float(text), time_format)
        return to_ms(_written(text, time_format), zone) if time_format not in UNITS else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def read_yearless(text: str, time_format: str, *, now_ms: int, zone: tzinfo = UTC) -> int | None:
    """A time that names no year: in the latest year that does not put it more than a day after now."""
    year = (EPOCH + now_ms * MILLISECOND).year
    for candidate in range(year + 1, year - 5, -1):  # five years back there was a 29 February
        time_ms = read_time(f"{candidate} {text}", time_format=f"%Y {time_format}", zone=zone)
        if time_ms is not None and time_ms <= now_ms + 86_400_000:
            return time_ms
    return None


def read_ago(text: str, *, now_ms: int) -> int | None:
    """Relative times, as some feeds write them: "3 hours ago", "yesterday", "just now"."""
    lowered = text.strip().lower()
    if lowered in ("now", "just now", "today"):
        return now_ms
    if lowered == "yesterday":
        return now_ms - AGO_MS["day"]
    if found := AGO.fullmatch(lowered):
        count = 1 if found[1].startswith("a") else int(found[1])
        return now_ms - count * AGO_MS[found[2]]
    return None


def _number(value: float, time_format: str | None) -> int | None:
    scale = UNITS.get(time_format or ("s" if abs(value) < SECONDS_BELOW else "ms"))
    if scale is None:
        return None
    return to_ms(EPOCH + timedelta(milliseconds=value * scale))


def _written(text: str, time_format: str | None) -> datetime:
    if time_format is None:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return parsedate_to_datetime(text)
    try:
        return datetime.strptime(text, time_format)  # noqa: DTZ007 - the caller gives it its zone
    except ValueError as error:
        _, remains, rest = str(error).partition(REMAINS)
        if not remains or (rest[:1].isdigit() and not time_format.endswith("%f")):  # half of a number is no time
            raise
        return datetime.strptime(text.removesuffix(rest), time_format)  # noqa: DTZ007
