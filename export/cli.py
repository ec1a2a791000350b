"""The command that makes a bundle of a training run."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from models.console import one_line_errors, progress
from models.options import require_a_file

app = typer.Typer(no_args_is_help=True, help="Make a bundle of a training run.")


class Precision(StrEnum):
    """How the graph computes."""

    INT8 = "int8"
    FP16 = "fp16"
    FP32 = "fp32"


@app.command()
def export(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="The folder that `pulsewire train` wrote.")] = Path("runs/base"),
    *,
    to: Annotated[Path | None, typer.Option(help="The bundle's folder; `bundle` in the run's by default.")] = None,
    name: Annotated[str, typer.Option(help="The bundle's name; precision and hash are added.")] = "base",
    precision: Annotated[Precision, typer.Option(help="int8 for CPUs, fp16 for CUDA.")] = Precision.INT8,
    limit: Annotated[int, typer.Option(min=0, help="Measure on so many rows of each set; 0: all.")] = 0,
    min_agreement: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Least share of labels as in fp32; by default .99 for int8, .999 for fp16."),
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(help="What `train --add` was given: its head is calibrated by it, too.", metavar="FILE:HEAD"),
    ] = None,
    text_column: Annotated[str, typer.Option(help="Where such a file has its texts.")] = "text",
    label_column: Annotated[str, typer.Option(help="Where it has their labels.")] = "label",
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a bundle that is there.")] = False,
) -> None:
    """Write graph, tokenizer and manifest; publish them only if they answer as the trained network does.

    Needs the extra `train` (`uv sync --extra train`). Where the data sets are
    found, every held-out row is asked of the bundle and of the network in fp32,
    and the bundle's figures go into its manifest; elsewhere the project's own
    texts are asked, and the bar is lower by what may be chance with so few: of
    24 texts one may differ in int8, none in fp16. A bundle that fails leaves
    nothing behind.
    Put the bundle in force with `pulsewire bundle promote`.
    """
    require_a_file(context, "--add", given=bool(add))
    target = to or run / "bundle"
    with one_line_errors():
        from models import adding, extra

        extra.require_train()
        added = adding.sets(add or (), text=text_column, label=label_column)
        from export.command import export_run

        with progress("measuring") as report:
            made = export_run(
                run,
                target,
                name=name,
                precision=precision.value,
                limit=limit or None,
                least_agreement=min_agreement,
                added=added,
                replace=replace,
                report=report,
            )
    _print_parity(made.metrics)
    size = sum(file.size for file in made.files.values()) / 1e6
    typer.echo(f"{made.name}, {size:.1f} MB, is in {target}", err=True)


def _print_parity(metrics: dict[str, dict[str, float]]) -> None:
    """How the bundle answers beside the network in fp32, a line a head."""
    shares, texts, apart = (metrics[name] for name in ("agreement_with_fp32", "agreement_texts", "largest_difference"))
    width = max(map(len, ("head", *shares)))
    typer.echo(f"{'head':{width}}   texts  label as in fp32  largest difference of a probability")
    for head, share in shares.items():
        typer.echo(f"{head:{width}}  {texts[head]:6,.0f}  {share:16.2%}  {apart[head]:.4f}")
