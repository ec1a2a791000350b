"""The options that the ingest commands share, and what they mean."""

import codecs
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from streams.ingest.presets import PRESETS, combine
from streams.ingest.shape import BadTime, Shape, parse_map, parse_pair
from streams.topology import RAW


class Now(StrEnum):
    """Which event happens now."""

    FIRST = "first"
    LAST = "last"


class OnBadTime(StrEnum):
    """What a time that cannot be read becomes."""

    REFUSE = "refuse"
    PREVIOUS = "previous"
    NOW = "now"


_KNOWN_TOPICS = ", ".join(RAW.values())
_MAP = (
    "Field NEW is what the source calls OLD (a.b looks into objects), as TYPE: str, int, float, bool, list (split at ;)"
    " or json. Repeatable."
)
_SPEED = "Replay by the events' own time, so many times as fast; 0: as fast as possible."
_NOW = "Move all event times so that the first or the last event happens now."
_TIME_FORMAT = "How ts is written: strptime's codes (text after them is ignored), or s, ms, us, ns."
_BAD_TIME = "A time that cannot be read: refuse the line, use the previous line's, or now."

Paths = Annotated[list[str], typer.Argument(metavar="SOURCE…", help="Files (.gz is unpacked); - is standard input.")]
Topic = Annotated[str, typer.Option("--topic", "-t", help=f"The topic, such as {_KNOWN_TOPICS}.")]
Rate = Annotated[float | None, typer.Option(min=0.001, help="At most so many events a second.")]
Speed = Annotated[float, typer.Option(min=0, help=_SPEED)]
NowOption = Annotated[Now | None, typer.Option("--now", help=_NOW)]
Maps = Annotated[list[str] | None, typer.Option("--map", metavar="NEW=OLD[:TYPE]", help=_MAP)]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Give every event this field. Repeatable.")
]
Fallbacks = Annotated[
    list[str] | None,
    typer.Option(
        "--fallback", metavar="FIELD=OTHER", help="An empty FIELD becomes the first sentence of OTHER. Repeatable."
    ),
]
TimeFormat = Annotated[str | None, typer.Option(help=_TIME_FORMAT)]
Zone = Annotated[str, typer.Option(help="The zone of times that name none, such as Asia/Shanghai.")]
BadTimes = Annotated[OnBadTime, typer.Option("--bad-time", help=_BAD_TIME)]
Key = Annotated[str | None, typer.Option(help="The field whose value is the Kafka key.")]
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset", help="; ".join(f"{name} stands for: {preset.options}" for name, preset in PRESETS.items())
    ),
]
Skip = Annotated[int, typer.Option(min=0, help="Leave out the first N lines of each file, to go on after a failure.")]
Wait = Annotated[
    float,
    typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for a broker that does not answer."),
]
AsJson = Annotated[bool, typer.Option("--json", help="The counts as JSON.")]


def read_shape(
    *, maps: Sequence[str] | None = None, sets: Sequence[str] | None = None, fallbacks: Sequence[str] | None = None,
    time_format: str | None = None, zone: str = "UTC", bad_time: BadTime = "refuse", key: str | None = None,
) -> Shape:  # fmt: skip
    """The shape that options describe.

    Raises:
        BadParameter: one of them is not of its form.
    """
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise typer.BadParameter(f"{zone!r} is no zone; such as UTC, Europe/Berlin", param_hint="--zone") from None
    try:
        return Shape(
            fields=tuple(parse_map(text) for text in maps or ()),
            constants=tuple(parse_pair(text) for text in sets or ()),
            fallbacks=tuple(parse_pair(text) for text in fallbacks or ()),
            time_format=time_format, zone=zone, bad_time=bad_time, key=key,
        )  # fmt: skip
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def with_preset(name: str | None, given: Shape) -> Shape:
    """The preset of that name, overridden by what was given beside it.

    Raises:
        BadParameter: there is none of that name.
    """
    if name is None:
        return given
    if name not in PRESETS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(PRESETS)}", param_hint="--preset")
    return combine(PRESETS[name].shape, given)


def check_encoding(encoding: str, *, lines_of_bytes: bool = False) -> None:
    """Return for an encoding of text; with `lines_of_bytes`, one in which a line feed is one byte.

    Raises:
        BadParameter: it is none.
    """
    try:
        feed = "\n".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, TypeError):
        raise typer.BadParameter(f"{encoding!r} is no encoding of text", param_hint="--encoding") from None
    if lines_of_bytes and feed.removeprefix(codecs.BOM_UTF8) != b"\n":
        raise typer.BadParameter("convert such a log to UTF-8 first, as with iconv", param_hint="--encoding")
