"""The command that makes a bundle of a training run."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from models.console import one_line_errors, progress

app = typer.Typer(no_args_is_help=True, help="Make a bundle of a training run.")


class Precision(StrEnum):
    """How the graph computes."""

    INT8 = "int8"
    FP32 = "fp32"


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="The folder that `pulsewire train` wrote.")] = Path("runs/base"),
    *,
    to: Annotated[Path | None, typer.Option(help="The bundle's folder; `bundle` in the run's by default.")] = None,
    name: Annotated[str, typer.Option(help="The bundle's name; precision and hash are added.")] = "base",
    precision: Annotated[Precision, typer.Option(help="int8 is 2 to 3 times as fast as fp32.")] = Precision.INT8,
    limit: Annotated[int, typer.Option(min=0, help="Measure on so many rows of each set; 0: all.")] = 0,
    min_agreement: Annotated[float, typer.Option(min=0, max=1, help="Least share of labels as in fp32.")] = 0.95,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a bundle that is there.")] = False,
) -> None:
    """Write graph, tokenizer and manifest; publish them only if they answer as the trained network does.

    Needs the extra `train` (`uv sync --extra train`). Where the data sets are
    found, the bundle's figures are measured and go into its manifest. Put the
    bundle in force with `pulsewire bundle promote`.
    """
    target = to or run / "bundle"
    with one_line_errors():
        from models import extra

        extra.require_train()
        from export.command import export_run

        with progress("measuring") as report:
            made = export_run(
                run,
                target,
                name=name,
                precision=precision.value,
                limit=limit or None,
                least_agreement=min_agreement,
                replace=replace,
                report=report,
            )
    size = sum(file.size for file in made.files.values()) / 1e6
    typer.echo(f"{made.name}, {size:.1f} MB, is in {target}", err=True)
