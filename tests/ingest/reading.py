"""Reading sources in a test: all that they give, in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from streams.ingest.item import Item, Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streams.ingest.item import Read


async def everything(reads: AsyncIterator[Read]) -> list[Read]:
    return [read async for read in reads]


def rows(reads: list[Read]) -> list[dict[str, Any]]:
    return [json.loads(read.value) for read in reads if isinstance(read, Item)]


def refusals(reads: list[Read]) -> list[Refusal]:
    return [read for read in reads if isinstance(read, Refusal)]


def ignore(_read_bytes: int) -> None:
    pass
