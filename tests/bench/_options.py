"""What the benchmarks' command lines have in common."""

import argparse

from tests.bench._report import write


def options(name, about, *, rounds=None, into="benchmarks.md"):
    """A parser for `pulsewire bench NAME`, with --write `into` a page of docs/, and --rounds where there are rounds."""
    parser = argparse.ArgumentParser(prog=f"pulsewire bench {name}", description=about)
    if rounds:
        parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--write", action="store_true", help=f"into docs/{into}")
    return parser


def told(name, about, rows, *, chosen):
    """The rows, which stand in docs/benchmarks.md if that was asked for."""
    if chosen.write:
        write(name, (about or "").strip(), rows)
    return rows
