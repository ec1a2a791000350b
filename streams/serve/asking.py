"""What may be asked of the read API. A question that makes no sense is refused with one clear line."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from streams.serve.span import Range, too_fine
from streams.topology import DIMENSIONS, Kind

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
Dimension = Literal["all", "source", "category", "entity", "service", "template", "action", "lang", "head"]
Width = Annotated[int, msgspec.Meta(ge=1, le=366 * 86_400)]

_AT: Final = re.compile(r"^(?P<what>.*) - at `\$\.?(?P<name>\w*)`$", re.DOTALL)
_LAST_MS: Final = 253_402_300_800_000  # the year 10,000

A = TypeVar("A", bound=msgspec.Struct)


class Refused(msgspec.Struct, frozen=True):
    """Why a question is none."""

    detail: str


class Overview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How everything stands."""

    range: Range = "1h"


class Top(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a dimension with the most events."""

    kind: Kind
    dimension: Dimension
    range: Range = "1h"
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 8

    def __post_init__(self) -> None:
        _dimension_of(self.kind, self.dimension)


class Stretch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """What `Trend` and `Events` have in common: a series and a stretch of event time, [from, to)."""

    kind: Kind
    dimension: Dimension = "all"
    key: Key = "all"
    from_: str | None = None
    to: str | None = None

    def __post_init__(self) -> None:
        _dimension_of(self.kind, self.dimension)
        if (self.from_ is None) != (self.to is None):
            raise ValueError("from and to go together")
        bounds = self.bounds_ms
        if bounds and bounds[0] >= bounds[1]:
            raise ValueError("from must lie before to")

    @property
    def bounds_ms(self) -> tuple[int, int] | None:
        """The stretch in epoch milliseconds, or None where it is not given."""
        if self.from_ is None or self.to is None:
            return None
        return moment_ms("from", self.from_), moment_ms("to", self.to)


class Trend(Stretch, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """One series over time."""

    range: Range = "1h"
    seconds: Width | None = None

    def __post_init__(self) -> None:
        Stretch.__post_init__(self)
        bounds = self.bounds_ms
        if bounds and self.seconds and (finer := too_fine(bounds[1] - bounds[0], self.seconds)):
            raise ValueError(finer)


class Events(Stretch, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """The events behind a point."""

    sort: Literal["newest", "loudest"] = "newest"
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Incidents, the firing ones first."""

    status: Literal["firing", "resolved", "any"] = "any"
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 30


def asked(kind: type[A], parameters: Mapping[str, str]) -> A | Refused:
    """The question that a URL's parameters put."""
    try:
        return msgspec.convert(dict(parameters), kind, strict=False)
    except msgspec.ValidationError as error:
        return Refused(_line(str(error)))


def moment_ms(name: str, text: str) -> int:
    """RFC 3339 or epoch milliseconds, as epoch milliseconds.

    Raises:
        ValueError: it is neither.
    """
    wanted = f"{name} is {text[:40]!r}: expected RFC 3339, such as 2026-11-24T13:00:00Z, or epoch milliseconds"
    try:
        if text.isascii() and text.isdecimal():
            moment = int(text[:20])
        else:
            time = datetime.fromisoformat(text)
            moment = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000)
    except (ValueError, OverflowError, OSError):
        raise ValueError(wanted) from None
    if not 0 <= moment < _LAST_MS:
        raise ValueError(wanted)
    return moment


def _dimension_of(kind: Kind, dimension: str) -> None:
    if dimension not in DIMENSIONS[kind]:
        raise ValueError(f"dimension is {dimension!r}: {kind} has {', '.join(DIMENSIONS[kind])}")


def _line(message: str) -> str:
    if found := _AT.match(message):
        name = found["name"]
        return f"{name}: {found['what']}" if name else found["what"]
    return message
