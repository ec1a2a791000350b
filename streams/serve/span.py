"""Which stretch of event time a page shows, in buckets of which width.

A replay of 1987 must show as well as what comes in now: a range ends now while data is that fresh, and else at the
newest data. Ends lie on bucket borders, so that the same question has the same answer until a bucket is over.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

Range = Literal["15m", "1h", "6h", "24h", "all"]

MINUTE_MS: Final = 60_000
RANGE_MS: Final[dict[Range, int]] = {
    "15m": 15 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "24h": 1_440 * MINUTE_MS,
}

WEEK: Final = 604_800
WIDTHS: Final = (60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, WEEK)
MOST_BUCKETS: Final = 150  # of a chart
FEW_BUCKETS: Final = 30  # of a course in a table
MOST_POINTS: Final = 2_000


class Span(msgspec.Struct, frozen=True):
    """[from_ms, to_ms) in buckets of `seconds`; `live` says that it ends now."""

    from_ms: int
    to_ms: int
    seconds: int
    live: bool


class Extent(msgspec.Struct, frozen=True):
    """Event time that a kind has data for, [first_ms, latest_ms)."""

    first_ms: int
    latest_ms: int


def span_of(wanted: Range, extent: Extent, *, now_ms: int, base: int, most: int = MOST_BUCKETS) -> Span:
    """The stretch that a range means; `base` is the width of the finest windows, in seconds."""
    length_ms = RANGE_MS.get(wanted)
    if length_ms is None:
        live = now_ms - extent.latest_ms < RANGE_MS["1h"]
        return _aligned(extent.first_ms, extent.latest_ms, base=base, most=most, live=live)
    live = now_ms - extent.latest_ms < length_ms
    end_ms = now_ms if live else extent.latest_ms
    return _aligned(end_ms - length_ms, end_ms, base=base, most=most, live=live)


def width_for(length_ms: int, *, base: int, most: int = MOST_BUCKETS) -> int:
    """Seconds of a bucket, such that there are few enough of them."""
    least = max(1, -(-length_ms // (most * 1_000)))
    for width in WIDTHS:
        if width >= least and width % base == 0:
            return width
    unit = max(base, WEEK - WEEK % base)
    return -(-least // unit) * unit


def too_fine(length_ms: int, seconds: int) -> str:
    """Why points of this width are too many for an answer; empty where they are not."""
    if length_ms // (seconds * 1_000) <= MOST_POINTS:
        return ""
    return f"seconds is {seconds}: more than {MOST_POINTS} points, ask for wider ones"


def source_for(width: int, windows: Sequence[int]) -> int | None:
    """The widest stored windows that buckets of this width are made of, or None where none divides it."""
    return max((seconds for seconds in windows if width % seconds == 0), default=None)


def _aligned(from_ms: int, to_ms: int, *, base: int, most: int, live: bool) -> Span:
    seconds = width_for(to_ms - from_ms, base=base, most=most)
    width_ms = seconds * 1_000
    end_ms = -(-to_ms // width_ms) * width_ms
    buckets = max(1, -(-(to_ms - from_ms) // width_ms))
    start_ms = end_ms - buckets * width_ms
    start_ms -= width_ms if start_ms > from_ms else 0
    return Span(from_ms=start_ms, to_ms=end_ms, seconds=seconds, live=live)
