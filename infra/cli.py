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


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End when the sample is read and judged: exit code 0 if all went well.")
    ] = False,
    port_base: Annotated[
        int | None, typer.Option(min=1024, max=65_000, help="First of five ports; else free ones.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0, help="Times real time; 0 for as fast as possible.")] = 60,
) -> None:
    """Watch an hour of news, service logs and user events being read by a real model, in about a minute.

    Starts Kafka, ClickHouse, a worker and the dashboard in a folder of their own, and plays the bundled sample (and
    real news and logs where PULSEWIRE_SEED_DATA has them) as three live streams with three incidents hidden in them.
    """
    import asyncio

    from rich.console import Console

    from infra.demo import demo as run_demo
    from infra.demo_view import view
    from infra.up import until_signalled
    from streams.settings import load_settings

    shown = view(Console())
    running = run_demo(load_settings(), once=once, port_base=port_base, speed=speed, view=shown)
    try:
        finished = asyncio.run(until_signalled(running, say=shown.say))
    finally:
        shown.close()
    if once and not finished:
        raise typer.Exit(130)


@app.command()
def init() -> None:
    """Create the topics and tables on whatever the settings name. Safe to repeat."""
    import asyncio

    from infra.init import initialise
    from streams.settings import load_settings

    settings = load_settings()
    made = asyncio.run(initialise(settings))
    typer.echo(f"Kafka at {settings.kafka}: {len(made.topics)} topics created {', '.join(made.topics)}".rstrip())
    typer.echo(f"ClickHouse at {settings.clickhouse}: {len(made.migrations)} migrations applied")


def _show(lines: list[Line]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for line in lines:
        table.add_row(line.what, line.where, style=None)
    console = Console()
    console.print(table)
    console.print("Ctrl-C ends it.")
