"""Giving rows the names, types and times that a topic wants, by general rules that a user writes down.

1. A row that no rule touches is sent byte for byte as it came.
2. Rules run in this order: map, set, fallback, time. Fields that no rule names are kept.
3. A row that a rule cannot be applied to is a refusal, never an exception.
"""

import json
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from streams.ingest.item import Item, Refusal
from streams.ingest.times import read_time, rfc3339

BadTime = Literal["refuse", "previous", "now"]
FieldType = Literal["str", "int", "float", "bool", "list", "json"]
TYPES: Final = get_args(FieldType)
SENTENCE_ENDS: Final = (". ", "! ", "? ", "。", "！", "？", "\n")
HEADLINE_CHARS: Final = 200


class Mapped(msgspec.Struct, frozen=True):
    """Field `new` is what the source calls `old`, as a `type`."""

    new: str
    old: str
    type: FieldType | None = None


class Shape(msgspec.Struct, frozen=True):
    """The rules of one source."""

    fields: tuple[Mapped, ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    fallbacks: tuple[tuple[str, str], ...] = ()
    time_format: str | None = None
    zone: str = "UTC"
    bad_time: BadTime = "refuse"
    key: str | None = None

    @property
    def changes(self) -> bool:
        """Whether any rule may change a row."""
        return bool(self.fields or self.constants or self.fallbacks or self.time_format or self.bad_time != "refuse")


def parse_pair(text: str) -> tuple[str, str]:
    """`a=b`.

    Raises:
        ValueError: it is not of that form.
    """
    left, equals, right = text.partition("=")
    if not (left.strip() and equals and right):
        raise ValueError(f"{text!r} is not of the form name=value")
    return left.strip(), right


def parse_map(text: str) -> Mapped:
    """`new=old` or `new=old:type`.

    Raises:
        ValueError: it is not of that form.
    """
    new, old = parse_pair(text)
    name, colon, kind = old.rpartition(":")
    if colon and name and kind in TYPES:
        return Mapped(new, name, kind)  # type: ignore[arg-type]
    return Mapped(new, old)


class Shaper:
    """Applies the rules to the rows of one stream; remembers only the time of the row before."""

    def __init__(
        self, shape: Shape, *, now_ms: Callable[[], int], timed: bool = False, shift_ms: int | None = 0
    ) -> None:
        """`timed` asks for each row's time; `shift_ms` moves it, None so that the first row happens now."""
        self.shape = shape
        self._now_ms = now_ms
        self._timed = timed or shift_ms != 0
        self._shift_ms = shift_ms
        self._zone: tzinfo = ZoneInfo(shape.zone)
        self._previous_ms: int | None = None
        self._rename = {rule.old for rule in shape.fields} - {rule.new for rule in shape.fields}

    @property
    def rewrites(self) -> bool:
        """Whether a row is written anew, rather than sent byte for byte."""
        return self.shape.changes or self._shift_ms != 0

    def item(self, row: dict[str, Any], *, line: int, source: str, came: bytes | None = None) -> Item | Refusal:
        """The message for a row; `came` is the row as it was written, sent as it is where no rule changes it."""
        shaped = self._shaped(row) if self.shape.changes else row
        if isinstance(shaped, Refusal):
            return msgspec.structs.replace(shaped, source=source, line=line)
        time_ms = self._time(shaped) if self._timed else None
        value = came if came is not None and not self.rewrites else _encode(shaped)
        if value is None:
            return Refusal("not_json", "holds what JSON cannot write (a lone surrogate)", source, line)
        return Item(value, key_of(shaped, self.shape.key), time_ms, source, line)

    def _time(self, row: dict[str, Any]) -> int | None:
        time_ms = read_time(row.get("ts"), zone=self._zone)
        if time_ms is None:
            return None
        if self._shift_ms is None:
            self._shift_ms = self._now_ms() - time_ms
        if self._shift_ms:
            time_ms += self._shift_ms
            row["ts"] = rfc3339(time_ms)
        return time_ms

    def _shaped(self, row: dict[str, Any]) -> dict[str, Any] | Refusal:
        shaped = {name: value for name, value in row.items() if name not in self._rename}
        for rule in self.shape.fields:
            value = cast(_lookup(row, rule.old), rule.type)
            if isinstance(value, Refusal):
                return msgspec.structs.replace(value, detail=f"{rule.old}: {value.detail}")
            if value is None:
                shaped.pop(rule.new, None)
            else:
                shaped[rule.new] = value
        shaped.update(self.shape.constants)
        for name, other in self.shape.fallbacks:
            if shaped.get(name) in (None, "") and (text := first_sentence(str(_lookup(row, other) or ""))):
                shaped[name] = text
        return self._retimed(shaped)

    def _retimed(self, row: dict[str, Any]) -> dict[str, Any] | Refusal:
        if self.shape.time_format is None and self.shape.bad_time == "refuse":
            return row
        time_ms = read_time(row.get("ts"), time_format=self.shape.time_format, zone=self._zone)
        if time_ms is None and self.shape.bad_time == "previous":
            time_ms = self._previous_ms
        if time_ms is None and self.shape.bad_time != "refuse":
            time_ms = self._now_ms()
        if time_ms is None:
            return Refusal("bad_timestamp", f"ts is {str(row.get('ts'))[:80]!r}, not a time that --time-format reads")
        self._previous_ms = time_ms
        return row | {"ts": rfc3339(time_ms)}


def key_of(row: Mapping[str, Any], field: str | None) -> bytes | None:
    """The Kafka key that a row's field gives; None where there is none."""
    if field is None or (value := _lookup(row, field)) is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def first_sentence(text: str) -> str:
    """The first sentence of a text, at most as long as a headline."""
    text = text.strip()
    ends = [at + len(end) for end in SENTENCE_ENDS if (at := text.find(end)) >= 0]
    return text[: min([*ends, HEADLINE_CHARS])].strip()


def cast(value: Any, kind: FieldType | None) -> Any:
    """The value as that type; None where there is nothing, a refusal where it cannot be."""
    if value is None or (value == "" and kind not in (None, "str")):
        return None
    try:
        return _CASTS[kind](value) if kind else value
    except (ValueError, TypeError, OverflowError, RecursionError):
        return Refusal("bad_value", f"{str(value)[:80]!r} is no {kind}")


def _bool(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "false", "1", "0", "yes", "no"):
        raise ValueError(text)
    return text in ("true", "1", "yes")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [part.strip() for part in str(value).split(";") if part.strip()]


_CASTS: dict[FieldType, Callable[[Any], Any]] = {
    "str": lambda value: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
    "int": lambda value: int(float(value)) if isinstance(value, float) else int(str(value)),
    "float": lambda value: float(str(value).replace("_", "")),
    "bool": _bool,
    "list": _list,
    "json": lambda value: json.loads(str(value)),
}


def _lookup(row: Mapping[str, Any], path: str) -> Any:
    """A field by its name, or by its dotted way into nested objects."""
    if path in row:
        return row[path]
    found: Any = row
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _encode(row: dict[str, Any]) -> bytes | None:
    try:
        return msgspec.json.encode(row)
    except (ValueError, TypeError, RecursionError):
        return None
