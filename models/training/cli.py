"""The commands that make a model of trained ones: the mean of several, a small one of a large one."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from models.console import one_line_errors, progress


def distil(
    run: Annotated[Path, typer.Argument(help="The teacher: a folder that `pulsewire train` wrote.")] = Path(
        "runs/base"
    ),
    *,
    out: Annotated[Path, typer.Option(help="The student's run.")] = Path("runs/small"),
    layers: Annotated[int | None, typer.Option(min=1, help="How many of the teacher's layers it has: 4.")] = None,
    further: Annotated[Path | None, typer.Option("--from", help="Go on with an earlier student instead.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="How often every text is seen.")] = 3,
    minutes: Annotated[float, typer.Option(min=0, help="Teach no longer than this; 0: no limit.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Cores; more than the machine has free slows it down.")] = 1,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a run that is there.")] = False,
) -> None:
    """Teach a small model what a trained one says: the same heads and words, a third of the layers.

    The teacher reads all training texts, and 27,000 without labels, once; what
    it says of them is kept in the student's run. The student then learns to
    say the same. Needs the data sets (PULSEWIRE_SEED_DATA) and the extra
    `train` (`uv sync --extra train`). Go on as with any run:

    pulsewire export runs/small --name small

    --from goes on, at half the rate, with a student that this teacher or
    another with the same heads has taught before.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded: its threads else spin
    if further and layers:
        raise typer.BadParameter("--layers goes without --from: an earlier student has its own")
    with one_line_errors():
        from models import extra

        extra.require_train()
        from models.datasets.dataset import data_folder

        data = data_folder()  # said before the seconds that torch takes to load
        from models.training import distil as distilling
        from models.training import student

        begin = distilling.FURTHER if further else distilling.Recipe()
        recipe = msgspec.structs.replace(begin, epochs=epochs, limit_s=minutes * 60, threads=threads)
        with progress("distilling") as report:
            try:
                made = student.run(
                    run, out, data, recipe, layers=layers, further=further, report=report, replace=replace
                )
            except KeyboardInterrupt:
                typer.echo(f"pulsewire: stopped; the last checkpoint, if there is one, is in {out}", err=True)
                raise typer.Exit(1) from None
    spent = f"{made.steps:,} of {made.steps_planned:,} steps in {made.seconds / 60:.1f} minutes"
    typer.echo(f"{spent}, taught by {made.teacher}, kept in {out}", err=True)


def average(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs; the mean has the first one's vocabulary.")],
    *,
    out: Annotated[Path, typer.Option(help="The mean's run.")] = Path("runs/base"),
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a run that is there.")] = False,
) -> None:
    """Make one model of several: the mean of their weights.

    It answers better than each of them and takes no more time. The runs
    have to begin with the same weights: give the same command with another
    seed, or with other data, or name what `pulsewire unpack` made of a bundle.

    pulsewire train --out runs/one --seed 1

    pulsewire train --out runs/two --seed 2

    pulsewire average runs/one runs/two --out runs/base
    """
    with one_line_errors():
        from models import extra

        extra.require_train()
        from models.training import average as averaging

        made = averaging.average(runs, out, replace=replace)
    typer.echo(f"the mean of {len(made.averaged)} runs, kept in {out}; go on with `pulsewire export {out}`", err=True)


def unpack(
    bundle: Annotated[Path | None, typer.Argument(help="base, small or a bundle's folder.")] = None,
    *,
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/unpacked"),
    held_out: Annotated[
        list[str] | None,
        typer.Option(metavar="HEAD", help="A head whose validation rows it never learnt from; once for each."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of what is there.")] = False,
) -> None:
    """Make a run of a bundle again: to train on from it, to average it, to export it at another precision.

    By default the bundle in force. Int8 weights come back as what they stand
    for.

    pulsewire unpack base --out runs/shipped

    pulsewire train --from runs/shipped --add mine.csv:sentiment --out runs/mine
    """
    with one_line_errors():
        from models import extra, registry

        extra.require_train()
        from models.training import unpack as unpacking

        unpacking.unpack(registry.resolved(bundle), out, held_out=held_out or (), replace=replace)
    typer.echo(f"kept in {out}; go on with `pulsewire train --from {out}`", err=True)
