"""What a reader makes of its source: something to send, something refused, or a place to take stock."""

from collections.abc import Callable

import msgspec


class Item(msgspec.Struct, frozen=True, gc=False):
    """A message to send. `time_ms` is when it happened, where the reader was asked to know."""

    value: bytes
    key: bytes | None = None
    time_ms: int | None = None
    source: str = ""
    line: int = 0


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Something that was not sent: a code for counting, a detail and a place for people."""

    code: str
    detail: str
    source: str = ""
    line: int = 0


class Checkpoint(msgspec.Struct, frozen=True):
    """Everything before it belongs together: call `commit` once all of that is acknowledged."""

    commit: Callable[[], None]


Read = Item | Refusal | Checkpoint
