"""When an event says it happened.

1. A time stamp is RFC 3339 (`T` and `Z` in either case, a space for `T`, any fraction, any offset) or an integer of
   epoch milliseconds. A time without an offset is no time stamp: nobody can say which moment it means. Nor are seconds,
   a common mistake that would put all events into January 1970.
2. What counts as the future is told by the record's own time stamp, never by a clock: the same record gets the same
   answer in every replay.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from streams.topology import DAY_MS

FUTURE_MS: Final = DAY_MS  # producers' clocks may run ahead of the broker's by this much
LAST_MS: Final = 7_258_118_400_000  # 2200-01-01: the store's DateTime64(3) ends in 2299
SECONDS: Final = range(10**9, 10**10)  # 2001 to 2286 in seconds; in milliseconds, the spring of 1970

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def parse_rfc3339(text: str) -> int | None:
    """Epoch milliseconds, rounded down; None where `text` is no RFC 3339 time stamp. A leap second is the next one."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        if text[17:19] == "60":
            return (datetime.fromisoformat(f"{text[:17]}59{text[19:].upper()}") - _EPOCH) // _MS + 1_000
        return (datetime.fromisoformat(text if text[-1] != "z" else text[:-1] + "Z") - _EPOCH) // _MS
    except ValueError:
        return None


def event_time(stamp: str | int, *, ingested_ms: int) -> int | str:
    """Epoch milliseconds of an event's time stamp, or what is wrong with it."""
    time_ms = stamp if isinstance(stamp, int) else parse_rfc3339(stamp)
    if time_ms is None:
        return f"{str(stamp)[:40]!r} is no RFC 3339 time with an offset"
    if isinstance(stamp, int) and stamp in SECONDS:
        return f"{stamp} looks like seconds: expected epoch milliseconds, {stamp}000"
    if time_ms < 0:
        return f"{str(stamp)[:40]} lies before 1970"
    if time_ms >= LAST_MS:
        return f"{str(stamp)[:40]} lies after 2199"
    if 0 <= ingested_ms < time_ms - FUTURE_MS:
        return f"{str(stamp)[:40]} lies more than a day after the broker's time stamp"
    return time_ms
