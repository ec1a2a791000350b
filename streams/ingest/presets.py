"""Shapes of data sets that many people have, so that nobody has to write the options again."""

import msgspec

from streams.ingest.shape import Mapped, Shape


class Preset(msgspec.Struct, frozen=True):
    """A shape, and what it stands for on the command line."""

    shape: Shape
    options: str


PRESETS: dict[str, Preset] = {
    # Reuters-21578 as one JSON object a line. Some of its dates carry letters after the time, one names the hour 605.
    "reuters": Preset(
        Shape(
            fields=(Mapped("ts", "date"), Mapped("id", "id", "str")),
            constants=(("source", "reuters"), ("lang", "en")),
            fallbacks=(("title", "body"),),
            time_format="%d-%b-%Y %H:%M:%S.%f",
            bad_time="previous",
        ),
        "--map ts=date --map id=id:str --set source=reuters --set lang=en --fallback title=body"
        " --time-format '%d-%b-%Y %H:%M:%S.%f' --bad-time previous",
    ),
}


def combine(preset: Shape, given: Shape) -> Shape:
    """The preset, overridden field by field by what was given beside it."""
    mapped = {rule.new: rule for rule in (*preset.fields, *given.fields)}
    return Shape(
        fields=tuple(mapped.values()),
        constants=tuple((dict(preset.constants) | dict(given.constants)).items()),
        fallbacks=tuple((dict(preset.fallbacks) | dict(given.fallbacks)).items()),
        time_format=given.time_format or preset.time_format,
        zone=given.zone if given.zone != "UTC" else preset.zone,
        bad_time=given.bad_time if given.bad_time != "refuse" else preset.bad_time,
        key=given.key or preset.key,
    )
