"""Real news and real logs from the folder of PULSEWIRE_SEED_DATA, laid over the sample's hour.

Each source and each service keeps its own order and an even pace, so that none of their series has an incident of its
own making. What is not in the folder is left out.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import msgspec

from infra.sample.generate import MINUTES, SampleEvent
from streams.ingest import run, sources
from streams.ingest.item import Item
from streams.ingest.presets import PRESETS
from streams.ingest.shape import Shape
from streams.topology import KINDS, Kind

ARTICLES: Final = 600
LINES: Final = 1_200
HOUR_MS: Final = MINUTES * 60_000


async def real_events(folder: Path) -> dict[Kind, list[SampleEvent]]:
    """Real events by kind, in order of time."""
    found: dict[Kind, list[SampleEvent]] = {kind: [] for kind in KINDS}
    for file in (folder / "news_reuters").glob("articles.jsonl.gz"):
        found["news"] = await _news(file)
    files = sorted((folder / "logs_loghub").glob("*.log"))
    for number, file in enumerate(files):
        found["logs"] += await _logs(file, count=LINES // len(files), number=number)
    found["logs"].sort(key=lambda event: event.at_ms)
    return found


async def _news(file: Path) -> list[SampleEvent]:
    reads = sources.json_lines([str(file)], sources.Plan(PRESETS["reuters"].shape), raw=False, on_read=_ignore)
    rows = [row async for row in _first(reads, ARTICLES)]
    events = []
    for number, row in enumerate(rows):
        kept = {name: row[name] for name in ("source", "title", "body", "lang") if row.get(name)}
        at_ms = (2 * number + 1) * HOUR_MS // (2 * len(rows))
        kept |= {"id": f"reuters-{row['id']}", "published": row["ts"]}
        events.append(SampleEvent("news", at_ms, kept["id"], kept))
    return events


async def _logs(file: Path, *, count: int, number: int) -> list[SampleEvent]:
    service = file.stem.removesuffix("_2k").lower()
    options = sources.LogOptions(service=service)
    reads = sources.log_lines([str(file)], sources.Plan(Shape()), options, on_read=_ignore)
    rows = [row async for row in _first(reads, count)]
    gap_ms = HOUR_MS / max(len(rows), 1)
    events = []
    for position, row in enumerate(rows):
        logged = row.pop("ts")
        at_ms = int((position + (number + 0.5) / 12) * gap_ms)
        events.append(SampleEvent("logs", at_ms, service, row | {"id": f"{service}-{position}", "logged": logged}))
    return events


async def _first(reads: run.Reads, count: int) -> AsyncIterator[dict[str, Any]]:
    async with aclosing(reads):
        async for read in reads:
            if count <= 0:
                return
            if isinstance(read, Item):
                count -= 1
                yield msgspec.json.decode(read.value, type=dict[str, Any])


def _ignore(_read_bytes: int) -> None:
    """Nobody asks how far it is."""
