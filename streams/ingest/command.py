"""From a command's options to a run, and from its outcome to counts and an exit code."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import NoReturn

import msgspec
import typer

from streams.errors import PulsewireError
from streams.ingest import run, sources
from streams.ingest.files import STDIN, size_of
from streams.ingest.options import Now
from streams.ingest.pace import Pace
from streams.ingest.report import show
from streams.ingest.shape import Shape
from streams.ingest.tally import Tally
from streams.settings import Kafka, load_settings

PlannedReads = Callable[[sources.Plan, Tally], run.Reads]


class Request(msgspec.Struct, frozen=True):
    """What every command on files is asked for."""

    paths: list[str]
    topic: str
    rate: float | None = None
    speed: float = 0
    now: Now | None = None
    skip: int = 0
    as_json: bool = False
    endless: bool = False
    wait_s: float = 30


def bring_files(request: Request, reads: PlannedReads, *, shape: Shape) -> None:
    """Run one command on files; ends the process with its exit code when that is not 0."""
    if request.now is Now.LAST and STDIN in request.paths:
        raise typer.BadParameter("last needs files: they are read twice", param_hint="--now")
    if request.paths.count(STDIN) > 1:
        raise typer.BadParameter("standard input can be read once", param_hint="SOURCE")

    async def work() -> run.Outcome:
        total = 0 if request.endless else sum(size_of(path) for path in request.paths)
        plan = await _plan(request, reads, shape=shape)
        return await run.ingest(
            Kafka.of(load_settings()),
            topic=request.topic,
            reads=lambda tally: reads(plan, tally),
            pace=Pace(rate=request.rate, speed=request.speed),
            total_bytes=0 if STDIN in request.paths else total,
            patience_s=request.wait_s,
        )

    finish(work(), topic=request.topic, as_json=request.as_json, endless=request.endless)


def finish(work: Coroutine[None, None, run.Outcome], *, topic: str, as_json: bool, endless: bool) -> run.Outcome:
    """Do it and print the counts. Ends the process with 1 and one line when it did not get to its end."""
    try:
        outcome = asyncio.run(work)
    except PulsewireError as error:
        fail(str(error))
    show(outcome.tally, topic=topic, seconds=outcome.seconds, as_json=as_json)
    if outcome.failure:
        fail(outcome.failure)
    if outcome.stopped and not endless:
        fail("stopped before the end")
    return outcome


def fail(why: str) -> NoReturn:
    """End with one line that says why."""
    typer.echo(f"pulsewire ingest: {why}", err=True)
    raise typer.Exit(1)


def counter(tally: Tally) -> Callable[[int], None]:
    """Tells the tally what was read of the files."""

    def count(read_bytes: int) -> None:
        tally.read_bytes += read_bytes

    return count


async def _plan(request: Request, reads: PlannedReads, *, shape: Shape) -> sources.Plan:
    """What to ask of the reader. For the last event to be now, all of them are read once before."""
    shift_ms: int | None = None if request.now is Now.FIRST else 0
    if request.now is Now.LAST:
        looking = sources.Plan(shape, timed=True, skip=request.skip)
        latest_ms = await run.latest_ms(reads(looking, Tally()))
        shift_ms = sources.now_ms() - latest_ms if latest_ms is not None else 0
    return sources.Plan(shape, timed=bool(request.speed), shift_ms=shift_ms, skip=request.skip)
