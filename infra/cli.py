"""Commands that bring things up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from infra.up import Line

app = typer.Typer()


@app.callback()
def _infra() -> None:
    """Without a callback a single command would lose its name."""


@app.command()
def up(
    workers: Annotated[int, typer.Option(min=1, help="How many workers share the partitions.")] = 1,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept; PULSEWIRE_DATA_DIR otherwise.")
    ] = None,
) -> None:
    """Run Kafka, ClickHouse, the workers and the dashboard here, until Ctrl-C."""
    import asyncio

    from infra.up import up as run_up
    from streams.settings import load_settings

    settings = load_settings(data_dir=data_dir)
    asyncio.run(run_up(settings, workers=workers, say=typer.echo, show=_show))


def _show(lines: list[Line]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for line in lines:
        table.add_row(line.what, line.where, style=None)
    console = Console()
    console.print(table)
    console.print("Ctrl-C ends it.")
