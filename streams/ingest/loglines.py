"""Text logs: what a line says, and which lines belong together.

1. A line in a known format starts a record. The format that fitted last is tried first.
2. After such a line, a line that fits nothing continues it (a stack trace, a wrapped message).
3. In a file where no line fits, only lines that look like a trace's continuation are joined.
4. A record without a time of its own happened when the one before it did, or now.
"""

import re
from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from streams.ingest.item import Item, Refusal
from streams.ingest.logformats import FORMATS, LEVELS, LogFormat
from streams.ingest.shape import Shaper
from streams.ingest.times import read_time, read_yearless, rfc3339

CONTINUES: Final = re.compile(
    r"\s+\S|Caused by:|Suppressed:|\.\.\. \d+ more|[})\]]+[;,]?\s*$|During handling of|The above exc"
)
JOINED_CHARS: Final = 65_536
TIME_NAMES: Final = ("ts", "time", "timestamp", "@timestamp", "date", "datetime")
LEVEL_NAMES: Final = ("level", "severity", "lvl", "levelname", "log.level")
MESSAGE_NAMES: Final = ("message", "msg", "log", "event", "text")


class LogRecord(msgspec.Struct, frozen=True):
    """One record: what its first line says and all of its text."""

    message: str
    line: int
    time_ms: int | None = None
    level: str = ""
    host: str = ""
    extra: dict[str, Any] = {}


class LogReader:
    """Reads the lines of one file in order."""

    def __init__(
        self, *, service: str, source: str, shaper: Shaper, now_ms: Callable[[], int],
        own: LogFormat | None = None, zone: str = "UTC",
    ) -> None:  # fmt: skip
        self._service = service
        self._source = source
        self._shaper = shaper
        self._now_ms = now_ms
        self._formats: list[LogFormat] = [own] if own else list(FORMATS)
        self._zone: tzinfo = ZoneInfo(zone)
        self._known = False
        self._open: LogRecord | None = None
        self._joined: list[str] = []
        self._last_line = 0  # where to go on from
        self._chars = 0
        self._previous_ms: int | None = None

    def feed(self, text: str, *, number: int) -> Iterator[Item | Refusal]:
        """The record that this line completes: the one before it, when this line starts another."""
        text = text.replace("\0", "\ufffd")  # a torn write; no event may hold it
        if not text.strip():
            return
        record = self.parse(text, number=number)
        if record is None and self._open and self._continues(text):
            self._joined.append(text.rstrip())
            self._last_line = number
            self._chars += len(text)
            return
        yield from self.flush()
        self._open = record or LogRecord(text.strip(), number)
        self._joined, self._chars, self._last_line = [self._open.message], len(text), number

    def flush(self) -> Iterator[Item | Refusal]:
        """The record that is open, as it stands."""
        if self._open is None:
            return
        record, self._open = self._open, None
        time_ms = record.time_ms if record.time_ms is not None else self._previous_ms
        self._previous_ms = time_ms
        row: dict[str, Any] = {
            **record.extra,
            "ts": rfc3339(time_ms if time_ms is not None else self._now_ms()),
            "service": self._service,
            "message": "\n".join(self._joined),
        }
        row |= {name: value for name, value in (("host", record.host), ("level", record.level)) if value}
        yield self._shaper.item(row, line=self._last_line, source=self._source)

    def parse(self, text: str, *, number: int) -> LogRecord | None:
        """What a line says, when it is in a known format. Never raises."""
        if text.startswith("{") and (record := self._json(text, number=number)):
            return record
        for position, known in enumerate(self._formats):
            if found := known.pattern.match(text):
                time_ms = self._time(found, known)
                if time_ms is None and "time" in known.pattern.groupindex:
                    continue
                self._formats.insert(0, self._formats.pop(position))
                self._known = True
                return _record(found, time_ms, number)
        return None

    def _continues(self, text: str) -> bool:
        if self._chars + len(text) > JOINED_CHARS:
            return False
        return self._known or CONTINUES.match(text) is not None

    def _time(self, found: re.Match[str], known: LogFormat) -> int | None:
        written = found.groupdict().get("time")
        if written is None:
            return None
        if known.time_format and not known.has_year:
            return read_yearless(written, known.time_format, now_ms=self._now_ms(), zone=self._zone)
        return read_time(written, time_format=known.time_format, zone=self._zone)

    def _json(self, text: str, *, number: int) -> LogRecord | None:
        try:
            row = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return None
        message = _first(row, MESSAGE_NAMES) if isinstance(row, dict) else None
        if not isinstance(message, str) or not message.strip():
            return None
        self._known = True
        taken = {*TIME_NAMES, *LEVEL_NAMES, *MESSAGE_NAMES, "service", "host"}
        return LogRecord(
            message,
            number,
            read_time(_first(row, TIME_NAMES), zone=self._zone),
            level_of(str(_first(row, LEVEL_NAMES) or "")),
            str(row.get("host") or ""),
            {name: value for name, value in row.items() if name not in taken},
        )


def level_of(written: str) -> str:
    """The level by one of five names; empty for what is none."""
    return LEVELS.get(written.lower().rstrip("12345678"), "")


def _record(found: re.Match[str], time_ms: int | None, number: int) -> LogRecord:
    groups = {name: value for name, value in found.groupdict().items() if value}
    message = groups.pop("message", "").strip() or found[0].strip()
    groups.pop("time", None)
    level = level_of(groups.pop("level", ""))
    if not level and (status := groups.get("status", "")).isdigit():
        level = "error" if status >= "500" else "warning" if status >= "400" else "info"
    return LogRecord(message, number, time_ms, level, groups.pop("host", ""), dict(groups))


def _first(row: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)
