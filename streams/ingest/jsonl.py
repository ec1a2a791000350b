"""JSON lines: one object a line."""

from typing import Any

import msgspec

from streams.ingest.item import Item, Refusal
from streams.ingest.shape import Shaper

_decoder = msgspec.json.Decoder()


def read_line(line: bytes, *, number: int, source: str, shaper: Shaper) -> Item | Refusal | None:
    """The message of one line, or why there is none; None for a blank line. Never raises."""
    if not line.strip():
        return None
    row = _object(line)
    if isinstance(row, str):
        return Refusal("not_json", row, source, number)
    return shaper.item(row, line=number, source=source, came=line)


def raw_line(line: bytes, *, number: int, source: str) -> Item | None:
    """The line as it came, whatever it is; None for an empty one."""
    return Item(line, None, None, source, number) if line else None


def _object(line: bytes) -> dict[str, Any] | str:
    try:
        row = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return str(error)[:200]
    return row if isinstance(row, dict) else "not a JSON object"
