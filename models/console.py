"""How the model's commands speak: errors in one line, bars on a terminal, plain lines elsewhere.

Results go to standard output, everything else to standard error, so that `--json` can be piped.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from models.errors import ModelError

PLAIN_EVERY_S = 10.0
console = Console()
messages = Console(stderr=True)


class Report(Protocol):
    """Told from time to time how far a work is."""

    def __call__(self, done: float, note: str = "") -> None:
        """`done` runs from 0 to 1."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Trouble ends the command with one line on standard error and exit code 1."""
    try:
        yield
    except ModelError as error:
        typer.echo(f"pulsewire: {error}", err=True)
        raise typer.Exit(1) from error


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Shows how far a work is, as a bar on a terminal and as a line every few seconds elsewhere."""
    if not messages.is_terminal:
        yield _lines(title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=messages) as bars:
        task = bars.add_task(title, total=1.0, note="")

        def report(done: float, note: str = "") -> None:
            bars.update(task, completed=done, note=note)

        yield report


def _lines(title: str) -> Report:
    said = time.monotonic()

    def report(done: float, note: str = "") -> None:
        nonlocal said
        if time.monotonic() - said >= PLAIN_EVERY_S:
            said = time.monotonic()
            typer.echo(f"{title}: {done:.0%} {note}".rstrip(), err=True)

    return report
