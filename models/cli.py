"""The model's commands: train, evaluate, bundle. Each is added to the `pulsewire` program."""

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from models.console import console, one_line_errors, progress
from models.options import require_a_file, require_together
from models.training.cli import average, distil, unpack

app = typer.Typer(no_args_is_help=True, help="Train, measure and choose the model.")
bundles = typer.Typer(no_args_is_help=True, help="See, check and choose the bundle that reads the events.")
app.add_typer(bundles, name="bundle")
app.command()(average)
app.command()(unpack)
app.command()(distil)

Bundle = Annotated[Path | None, typer.Option(help="base, small or a bundle's folder; by default the one in force.")]
DataDir = Annotated[Path | None, typer.Option(help="Where Pulsewire keeps its data; PULSEWIRE_DATA_DIR by default.")]
TextColumn = Annotated[str, typer.Option(help="Where such a file has its texts.")]
LabelColumn = Annotated[str, typer.Option(help="Where it has their labels.")]
ADDED = "Labelled texts that are learnt beside a head's sets; may be given again."
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class Method(StrEnum):
    """What `pulsewire train` learns of the encoder."""

    FULL = "full"
    LORA = "lora"
    ADAPTERS = "adapters"
    HEAD = "head"


@app.command()
def train(
    context: typer.Context,
    *,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder, runs/base; with --head the new bundle's, runs/HEAD.")
    ] = None,
    head: Annotated[str, typer.Option(help="Teach this head of your own, from --data.")] = "",
    data: Annotated[Path | None, typer.Option(help="Labelled texts for --head: CSV, JSON lines, Label Studio.")] = None,
    add: Annotated[list[str] | None, typer.Option(help=ADDED, metavar="FILE:HEAD")] = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    kinds: Annotated[str, typer.Option(help="Which kinds of events it answers for.")] = "news,user",
    bundle: Bundle = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a bundle, or of a run.")] = False,
    further: Annotated[Path | None, typer.Option("--from", help="Go on from what another run left.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="How often every row is seen.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of the rows' order; see `pulsewire average`.")] = 0,
    minutes: Annotated[float, typer.Option(min=0, help="End by then, the learning rate with it; 0: no limit.")] = 0,
    steps: Annotated[int, typer.Option(min=0, help="The batches of so many steps, no more; 0: all.")] = 0,
    rows: Annotated[int, typer.Option(min=0, help="At most so many rows of each set, for a try; 0: all.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Cores; more than the machine has free slows it down.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out after a kill.")] = False,
    method: Annotated[Method, typer.Option(help="What of the encoder is learnt.")] = Method.FULL,
    rank: Annotated[int, typer.Option(min=1, help="Of LoRA's matrices.")] = 16,
    measure_every: Annotated[
        int, typer.Option(min=0, help="Steps between looks at validation rows; 0: at each epoch's end.")
    ] = 1_000,
    patience: Annotated[
        int, typer.Option(min=0, help="End after so many looks without a rise, with the best weights; 0: never.")
    ] = 0,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches of 32 rows that make one step.")] = 1,
) -> None:
    """Fine-tune the encoder with all heads, or teach one head of your own.

    All heads: needs the data sets (PULSEWIRE_SEED_DATA). The starting
    weights, 95 MB, come from the Python package index once and are checked by
    their hash. An epoch is 68,000 rows: half an hour on one free core. Go on
    with `pulsewire export runs/base`.

    A run that was killed goes on from its last checkpoint to the weights that
    it would have had: give the same command again, with --resume. --method
    lora learns low-rank changes of every matrix, adapters one factor a
    channel, head nothing of the encoder; each is merged into plain weights.

    One head: `pulsewire train --head desk --data mine.csv` adds a head for
    the labels of mine.csv (columns text and label; JSON lines and Label
    Studio's export are read, too) to the bundle in force, as
    a new bundle, in seconds to minutes, from eight examples a label on.
    Nothing else of the bundle changes.

    Both need the extra `train` (`uv sync --extra train`).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded: its threads else spin
    if bool(head) != bool(data):
        raise typer.BadParameter("--head and --data go together")
    require_together(context, head=bool(head), added=bool(add))
    speaks = _kinds(kinds)
    with one_line_errors():
        from models import extra

        extra.require_train()
        if head and data:
            columns = {"text": text_column, "label": label_column}
            _teach(
                head, data, out or Path("runs") / head, bundle=bundle, columns=columns, kinds=speaks, replace=replace
            )
            return
        from models import adding
        from models.datasets.dataset import data_folder

        folder = data_folder()  # said before the seconds that torch takes to load
        target = out or Path("runs/base")
        added = adding.sets(add or (), text=text_column, label=label_column)
        from models.training import command

        choices = command.Choices(
            epochs=epochs,
            seed=seed,
            steps=steps,
            minutes=minutes,
            threads=threads,
            method=method.value,
            rank=rank,
            accumulate=accumulate,
            measure_every=measure_every,
            patience=patience,
        )
        where = command.Where(target, further, resume=resume, replace=replace)
        with progress("training") as report:
            try:
                run = command.run(where, folder, choices, added=added, rows=rows, report=report)
            except KeyboardInterrupt:
                typer.echo(f"pulsewire: stopped; --resume goes on from the last checkpoint in {target}", err=True)
                raise typer.Exit(1) from None
    _say_kept(run, target)


def _say_kept(run: Any, target: Path) -> None:
    done = f"{run.steps:,} of {run.steps_planned:,} steps in {run.seconds / 60:.1f} minutes"
    figure = {one.step: one.mean for one in run.measured}.get(run.kept_step)
    mean = f", {figure:.4f} on validation rows" if figure is not None else ""
    typer.echo(f"{done}; kept in {target} is step {run.kept_step:,}{mean}", err=True)


def _kinds(given: str) -> tuple[str, ...]:
    from models.labels import KINDS

    named = tuple(dict.fromkeys(filter(None, (kind.strip() for kind in given.split(",")))))
    if not named or not set(named) <= set(KINDS):
        raise typer.BadParameter(f"{given!r} is none of {', '.join(KINDS)}, or some with commas", param_hint="--kinds")
    return named


def _teach(
    head: str,
    data: Path,
    target: Path,
    *,
    bundle: Path | None,
    columns: dict[str, str],
    kinds: tuple[str, ...],
    replace: bool,
) -> None:
    from models import heads, registry
    from models.datasets import own
    from models.training import own_head

    heads.require_name(head)
    rows = own.read(data, **columns)
    for remark in rows.remarks:
        typer.echo(f"{data}: {remark}", err=True)
    with progress(f"reading {len(rows.rows):,} texts") as report:
        source = registry.resolved(bundle)
        taught = own_head.teach(source, head, rows, data, target, kinds=kinds, replace=replace, report=report)
    typer.echo(
        f"{taught.manifest.name}: {taught.accuracy:.1%} of left-out rows right "
        f"({taught.rows:,} rows, {taught.labels} labels)\n"
        f"try it: PULSEWIRE_BUNDLE={target} pulsewire classify; keep it: pulsewire bundle promote {target}",
        err=True,
    )


@app.command()
def evaluate(
    context: typer.Context,
    *,
    bundle: Bundle = None,
    against: Annotated[Path | None, typer.Option(help="Another bundle, on the same rows.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many rows of each set; 0: all.")] = 0,
    only: Annotated[list[str] | None, typer.Option("--set", help="Only this set; may be given again.")] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Your labelled texts instead of the sets, or beside --set.", metavar="FILE:HEAD"),
    ] = None,
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    threads: Annotated[int | None, typer.Option(min=1, help="Cores; all where not given.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the whole of it as a page: slices, plots beside it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure a bundle on held-out rows: accuracy, macro-F1, calibration and texts per second, set by set.

    With --against the difference to another bundle, and how far it may be
    chance. Needs the data sets (PULSEWIRE_SEED_DATA), or your own labelled
    texts: --data mine.csv:sentiment. Nothing beside the running program.
    """
    require_a_file(context, "--data", given=bool(data))
    with one_line_errors():
        from models import adding, measuring
        from models.datasets.catalogue import chosen
        from models.datasets.dataset import data_folder

        given = adding.sets(data or (), text=text_column, label=label_column, measured=True)
        sets = chosen(only or ()) if only or not given else ()
        folder = data_folder() if sets else Path()
        if markdown:
            measuring.require_place(markdown)
        with progress("evaluating") as report:
            found = measuring.measure(
                bundle, against, (*sets, *given), folder, limit=limit or None, threads=threads, report=report
            )
        if markdown:
            measuring.write(markdown, found)
            typer.echo(f"written to {markdown}", err=True)
    if as_json:
        _print_json(found.as_json())
        return
    _print_table(found.title, found.COLUMNS, found.rows())
    if found.differences:
        _print_table(f"against {found.against}", found.COMPARED, found.compared())


@bundles.command("list")
def list_(data_dir: DataDir = None, as_json: Json = False) -> None:
    """The bundles that ship and every promoted one; a star marks the one in force."""
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
    folder: Annotated[Path | None, typer.Argument(help="base, small or a folder; the one in force by default.")] = None,
) -> None:
    """Check a bundle: its files' hashes, its labels, its graph's inputs and outputs, one text read."""
    with one_line_errors():
        name = _opened(folder)
    typer.echo(f"{name} is whole")


@bundles.command()
def promote(
    folder: Annotated[Path, typer.Argument(help="The folder that `pulsewire export` wrote; base or small.")],
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
