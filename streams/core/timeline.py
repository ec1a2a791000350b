"""The windows of one series that a detector remembers, exact under any order and repetition of rows.

Rows are kept by partition and joined by the greater offset; what was forgotten does not come back.
"""

from collections.abc import Container
from typing import Final

from streams.core.closing import BEGINNING, Source
from streams.core.series import MergedWindow, merge
from streams.core.window import WindowRow, join

_AT_A_TIME: Final = 8  # windows are forgotten


class Timeline:
    """What happened in a series, window by window."""

    __slots__ = ("_floor_ms", "_merged", "_rows", "_seconds")  # there may be a million

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._rows: dict[int, dict[Source, WindowRow]] = {}
        self._merged: dict[int, MergedWindow] = {}
        self._floor_ms = BEGINNING

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, row: WindowRow) -> bool:
        """Join a row in; whether it brought news."""
        if row.window_start_ms < self._floor_ms:
            return False
        rows = self._rows.setdefault(row.window_start_ms, {})
        source = (row.topic, row.partition)
        known = rows.get(source)
        if known is not None and join(known, row) is known:
            return False
        rows[source] = row
        self._merged.pop(row.window_start_ms, None)
        return True

    def at(self, start_ms: int) -> MergedWindow:
        """The window that starts there, all partitions added up; without rows it is all zeros."""
        merged = self._merged.get(start_ms)
        if merged is None:
            merged = merge(self._rows.get(start_ms, {}).values(), start_ms=start_ms, seconds=self._seconds)
            self._merged[start_ms] = merged
        return merged

    def past(self, before_ms: int, *, windows: int, without: Container[int] = ()) -> list[MergedWindow]:
        """At most `windows` windows before this one, oldest first, from the first that is known of the last two times
        as many; those `without` are left out.
        """
        step = self._seconds * 1_000
        known = (start for start in range(before_ms - 2 * windows * step, before_ms, step) if start in self._rows)
        first_ms = next(known, before_ms)
        starts = range(max(first_ms, before_ms - windows * step), before_ms, step)
        return [self.at(start) for start in starts if start not in without]

    def skip(self, start_ms: int, *, reach_ms: int, to_ms: int) -> int:
        """This window, or, where no row lies within reach before it, the next one with a row, `to_ms` at the latest."""
        if start_ms in self._rows or any(start_ms - reach_ms <= start < start_ms for start in self._rows):
            return start_ms
        return min((start for start in self._rows if start_ms < start < to_ms), default=to_ms)

    def forget_before(self, start_ms: int) -> None:
        """Let go of what starts earlier, now or, since nobody looks there any more, a few windows later."""
        if start_ms >= self._floor_ms + _AT_A_TIME * self._seconds * 1_000:
            self._floor_ms = start_ms
            self._rows = {start: rows for start, rows in self._rows.items() if start >= start_ms}
            self._merged = {start: merged for start, merged in self._merged.items() if start >= start_ms}
