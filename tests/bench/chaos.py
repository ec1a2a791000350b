"""Faults survived on the real broker and store, every event counted once, and the time until each was made good.

After the run every table and topic is held to the producer's ledger and to Kafka's log. The first row that differs is
told with its history, and the seed repeats the plan of faults. The command fails too where a fault was not reached, a
worker died though nobody killed it, or took over 10 s to end. A fault that cannot strike on this machine is told of.
"""

import asyncio
import signal
import statistics
import tempfile
from pathlib import Path

from streams.cli.output import print_rows
from streams.errors import PulsewireError
from tests.bench._options import options
from tests.bench._report import write
from tests.chaos.harness import Run, run
from tests.chaos.kinds import FAMILIES, chosen, plan
from tests.chaos.ledger import Diverged
from tests.chaos.mutants import MUTANTS

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
ENDS_WITHIN_S = 10


def main(argv):
    """Run it; with --write put the table into docs/reliability.md."""
    parser = options("chaos", __doc__, into="reliability.md")
    parser.add_argument("--faults", type=int, default=40, help="221 have every family of faults strike ten times")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0, help="no fault strikes later than this; 0: all of them do")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--rate", type=int, default=150, help="events a second")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="faults with this in their name")
    parser.add_argument("--without", choices=sorted(MUTANTS), default="", help="switch one protection off")
    parser.add_argument("--fake", action="store_true", help="a classifier without a model")
    parser.add_argument("--no-settle", action="store_true", help="let faults overlap")
    asked = parser.parse_args(argv)
    wanted = Run(
        plan=plan(asked.faults, seed=asked.seed, kinds=chosen(asked.only)), seed=asked.seed, workers=asked.workers,
        per_s=asked.rate, fake=asked.fake, without=asked.without, settle=not asked.no_settle,
        minutes=asked.minutes,
    )  # fmt: skip
    print(f"seed {asked.seed}, {asked.faults} faults, {asked.workers} workers", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # small disks are mounted: they are to go either way
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcome = asyncio.run(run(wanted, Path(folder), say=lambda line: print(line, flush=True)))
        except Diverged as diverged:
            raise PulsewireError(f"seed {asked.seed}: {diverged}") from None
    rows = rows_of(outcome)
    for kind, why in outcome.skipped.items():
        print(f"skipped: {kind}, for {why}", flush=True)
    if wrong := troubles(outcome):
        print_rows(rows, as_json=False)
        raise PulsewireError(f"seed {asked.seed}: the tables are exact, but {'; '.join(wrong)}")
    if asked.write:
        write("Survived", _told(asked, outcome), rows, page=PAGE)
    return rows


def troubles(outcome):
    """What is wrong with a run whose tables are right."""
    wrong, slowest = [], max(outcome.ended_s, default=0)
    if outcome.not_reached:
        wrong.append(f"not reached: {', '.join(outcome.not_reached)}")
    if not outcome.recovery_s:
        wrong.append("no fault struck")
    if outcome.unplanned:
        wrong.append(f"workers that died though nobody killed them: {outcome.unplanned}")
    if slowest > ENDS_WITHIN_S:
        wrong.append(f"a worker took {slowest:.1f} s to end when told, {ENDS_WITHIN_S} are allowed")
    return wrong


def rows_of(outcome):
    """One row for each family of faults, and below it one for each kind where it has several."""
    rows = []
    for family, kinds in FAMILIES.items():
        took = {kind: outcome.recovery_s[kind] for kind in kinds if kind in outcome.recovery_s}
        if took:
            rows.append(_row(family, "", [one for times in took.values() for one in times]))
        if len(took) > 1:
            rows += [_row(family, kind, times) for kind, times in took.items()]
    return rows


def _row(family, kind, took):
    return {
        "family": family,
        "fault": kind,
        "times": len(took),
        "made good after, s (median)": f"{statistics.median(took):.1f}",
        "worst": f"{max(took):.1f}",
    }


def _told(asked, outcome):
    counted, struck = outcome.counted, sum(map(len, outcome.recovery_s.values()))
    every = [one for took in outcome.recovery_s.values() for one in took]
    within = f" --minutes {asked.minutes:g}" if asked.minutes else ""
    told = (
        f"`pulsewire bench chaos --faults {asked.faults} --seed {asked.seed}{within}`: {struck} faults struck"
        f" {asked.workers} workers in {outcome.took_s:.0f} s. 0 of {counted['events']:,} events lost, 0 doubled;"
        f" {counted['windows']:,} window rows exact, {counted['poison']:,} poison events on their dead-letter topics,"
        f" {counted['alerts']} alerts borne out by their windows, {counted['surges told of']} of {counted['surges']}"
        f" minutes full of errors told of; {counted['samples']:,} samples as drawn again, none of"
        f" {counted['hours sampled']:,} hours without. Made good after"
        f" {statistics.median(every):.1f} s (median), {max(every):.1f} s (worst). Workers that died though nobody"
        f" killed them: {outcome.unplanned}. Told to end, a worker was gone after {max(outcome.ended_s):.1f} s at most."
    )
    skipped = "".join(f"\n\nSkipped: {kind}, for {why}." for kind, why in outcome.skipped.items())
    return told + skipped + (f"\n\n{len(outcome.late)} came too late to strike." if outcome.late else "")
