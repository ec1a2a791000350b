"""When the windows of a kind close, as one reader of the topic `windows` sees it.

1. A partition of the raw topic tells how far its event time is in ticks; a tick comes after the rows that it closes.
   Rows only say that the partition lives.
2. `settled_ms` is the least watermark of the partitions less the lateness: it is what the log says. A partition that
   was silent for `idle_after_ms` of the clock is left out until it speaks again.
3. When all are silent nothing settles, but the window that holds the greatest event time may be looked at:
   `closed_ms` is its end. What comes for it later is looked at again. `ended_ms` is, too, once the clock says that it
   is over.
4. None of them goes back, but for `begin_earlier`. The clock comes in through `tick` only.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from streams.core.window import start_of

Source = tuple[str, int]  # (topic, partition)

BEGINNING: Final = -(1 << 62)
_AWAY_MS: Final = 5_000


class _Heard(msgspec.Struct):
    """What is known of one partition."""

    watermark_ms: int | None = None
    spoke: bool = True  # since the last tick of the clock
    silent_since_ms: int | None = None
    idle: bool = False


class Closing:
    """The closing watermark of one kind."""

    def __init__(self, sources: Iterable[Source], *, seconds: int, lateness_ms: int, idle_after_ms: int) -> None:
        self._heard = {source: _Heard() for source in sources}
        self._seconds = seconds
        self._lateness_ms = lateness_ms
        self._idle_after_ms = idle_after_ms
        self._newest_ms = BEGINNING
        self._ticked_ms: int | None = None
        self.settled_ms = self._began_ms = BEGINNING
        self.closed_ms = self.ended_ms = BEGINNING

    def begin(self, settled_ms: int) -> None:
        """What lies before this moment was judged by whoever read the topic before us."""
        self.settled_ms = self._began_ms = max(self.settled_ms, settled_ms)
        self.closed_ms = max(self.closed_ms, settled_ms)
        self.ended_ms = max(self.ended_ms, settled_ms)

    def begin_earlier(self, settled_ms: int) -> bool:
        """A partition is that far behind those that spoke first; whether that can still be heeded.

        Whoever was here before us waited for it. Once something has settled it was left out as idle, and is late.
        """
        if self.settled_ms != self._began_ms or settled_ms >= self.settled_ms:
            return False
        self.closed_ms = settled_ms if self.closed_ms == self.settled_ms else self.closed_ms
        self.ended_ms = settled_ms if self.ended_ms == self.settled_ms else self.ended_ms
        self.settled_ms = self._began_ms = settled_ms
        return True

    def row(self, source: Source, event_time_ms: int) -> None:
        """A row of this partition came; event time has reached at least this moment."""
        self._speaks(source, event_time_ms)

    def watermark(self, source: Source, watermark_ms: int) -> None:
        """Every row that this partition had for earlier moments has come."""
        heard = self._speaks(source, watermark_ms)
        heard.watermark_ms = max(heard.watermark_ms or BEGINNING, watermark_ms)

    def tick(self, now_ms: int) -> None:
        """The clock has moved on. After a long time without ticks it was us who were away, not the partitions."""
        away = self._ticked_ms is None or now_ms - self._ticked_ms > self._idle_after_ms + _AWAY_MS
        self._ticked_ms = now_ms
        for heard in self._heard.values():
            if heard.spoke or away or heard.silent_since_ms is None:
                heard.spoke, heard.silent_since_ms = False, now_ms
            elif now_ms - heard.silent_since_ms >= self._idle_after_ms:
                heard.idle = True

    def advance(self) -> None:
        """Draw the conclusions from what came."""
        awake = [heard.watermark_ms for heard in self._heard.values() if not heard.idle]
        known = [watermark_ms for watermark_ms in awake if watermark_ms is not None]
        if known and len(known) == len(awake):
            self.settled_ms = max(self.settled_ms, min(known) - self._lateness_ms)
        self.closed_ms = max(self.closed_ms, self.settled_ms)
        self.ended_ms = max(self.ended_ms, self.settled_ms)
        if not awake and self._newest_ms > BEGINNING:
            end_ms = start_of(self._newest_ms, self._seconds) + self._seconds * 1_000
            self.closed_ms = max(self.closed_ms, end_ms)
            if self._ticked_ms is not None and self._ticked_ms >= end_ms:
                self.ended_ms = max(self.ended_ms, end_ms)

    def _speaks(self, source: Source, event_time_ms: int) -> _Heard:
        heard = self._heard.setdefault(source, _Heard())
        heard.spoke, heard.idle = True, False
        self._newest_ms = max(self._newest_ms, event_time_ms)
        return heard
