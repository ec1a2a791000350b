"""`pulsewire samples`: what the model found hard, taken out to be labelled."""

import asyncio
import csv
import io
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from streams.cli.output import say
from streams.topology import Kind

if TYPE_CHECKING:
    from streams.core.labelling import Picked
    from streams.settings import Settings

app = typer.Typer(help="What the model found hard: take it out to be labelled.", no_args_is_help=True)

# Each text once, the most doubtful first. A head with a column of its own is read from there.
PICKED: Final = """
SELECT text, said, event_id, kind, lang, reason, uncertainty, event_time_ms, model
FROM
(
    SELECT *, toUnixTimestamp64Milli(event_time) AS event_time_ms,
        multiIf({head:String} = 'sentiment', sentiment, {head:String} = 'category', category,
                {head:String} = 'intent', intent, {head:String} = 'severity', severity,
                heads[{head:String}].label) AS said
    FROM samples FINAL
    WHERE text != '' AND {kind:String} IN ('', kind) AND {reason:String} IN ('', reason)
)
WHERE said != ''
ORDER BY uncertainty DESC, topic, partition, offset, reason
LIMIT 1 BY text
LIMIT {limit:UInt32}
"""


class Format(StrEnum):
    """What is written."""

    JSONL = "jsonl"
    CSV = "csv"
    LABEL_STUDIO = "label-studio"


@app.callback()
def _samples() -> None:
    """Without a callback a single command would lose its name."""


@app.command()
def export(
    *,
    to: Annotated[Path, typer.Option(help="A new file.")],
    head: Annotated[str, typer.Option(help="The head whose labels are to be corrected.")] = "sentiment",
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.JSONL,
    kind: Annotated[Kind | None, typer.Option(help="Only events of this kind.")] = None,
    reason: Annotated[str, typer.Option(help="Only what was picked for this reason, such as uncertain.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the most doubtful ones.")] = 500,
) -> None:
    """Write samples to a file, to be labelled; asks ClickHouse as the user that can only read.

    JSON lines and CSV have an empty `label` to fill in, and what the model said
    as `said`. For Label Studio it is tasks with the model's answer as a
    prediction, and the labelling interface beside them, as FILE.xml. Bring the
    labels back with `pulsewire train --add FILE:sentiment`, or as a head of
    their own with `pulsewire train --head NAME --data FILE`.
    """
    from streams.errors import PulsewireError
    from streams.settings import load_settings

    settings = load_settings()
    if to.exists():
        raise PulsewireError(f"{to} exists, and may hold labels: name a new file")
    asked = {"head": head, "kind": kind or "", "reason": reason, "limit": str(limit)}
    picked = asyncio.run(_picked(settings, asked))
    if not picked:
        raise PulsewireError(
            f"no sample has a text of which head {head!r} said something: workers pick some each hour of event time"
        )
    files = {to: _written(picked, form)}
    if form is Format.LABEL_STUDIO:
        files[to.with_suffix(".xml")] = _interface(settings, head, picked)
    for path, content in files.items():
        _write(path, content)
    say(f"{len(picked):,} samples written to {' and '.join(map(str, files))}")


async def _picked(settings: "Settings", asked: dict[str, str]) -> "list[Picked]":
    import msgspec

    from streams.adapters.raw_query import raw_query
    from streams.core.labelling import Picked

    async with raw_query(settings, PICKED, values=asked, form="JSONEachRow") as pieces:
        lines = b"".join([piece async for piece in pieces]).splitlines()
    return [msgspec.json.decode(line, type=Picked, strict=False) for line in lines]


def _written(picked: "Sequence[Picked]", form: Format) -> str:
    import msgspec

    from models.datasets.cells import guarded
    from streams.core.labelling import row_of, task_of

    if form is Format.LABEL_STUDIO:
        return msgspec.json.format(msgspec.json.encode([task_of(one) for one in picked]), indent=1).decode() + "\n"
    rows = [row_of(one) for one in picked]
    if form is Format.JSONL:
        return "".join(msgspec.json.encode(row).decode() + "\n" for row in rows)
    lines = io.StringIO(newline="")
    table = csv.DictWriter(lines, list(rows[0]))
    table.writeheader()
    for row in rows:
        table.writerow({name: guarded(value) if isinstance(value, str) else value for name, value in row.items()})
    return lines.getvalue()


def _interface(settings: "Settings", head: str, picked: "Iterable[Picked]") -> str:
    """With the labels of the bundle in force, or, where it has no such head now, with those that were said."""
    from models import manifest, registry
    from models.errors import ModelError
    from streams.core.labelling import interface_of

    try:
        known = manifest.read(settings.bundle or registry.active(settings.data_dir)).labels.get(head)
    except ModelError:  # the labels that were said will do
        known = None
    return interface_of(known or sorted({one.said for one in picked}))


def _write(path: Path, content: str) -> None:
    from streams.errors import PulsewireError

    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(content)
    except OSError as error:
        raise PulsewireError(f"{path} cannot be made: {error.strerror}") from None
