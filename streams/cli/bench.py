"""`pulsewire bench`: one benchmark of the project, as a table.

A benchmark is a file `tests/bench/NAME.py` with `main(argv: list[str])`, which returns the rows of its table (each a
mapping from a column to a value), or None where it printed for itself. Its docstring's first line tells what it
measures.
"""

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from streams.cli.output import AsJson, print_rows

ANY_OPTION = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
HELP = "--help"


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which one; all are listed if none is named.", metavar="NAME")] = "",
    as_json: AsJson = False,
) -> None:
    """Run one benchmark of tests/bench. Arguments after the name are the benchmark's own, --help among them."""
    if name == HELP:  # an option that nobody knows is an argument
        typer.echo(context.get_help())
        return
    known = benchmarks(checkout())
    if not name:
        rows = [{"name": one, "measures": _first_line(path)} for one, path in known.items()]
        print_rows(rows, as_json=as_json, empty="there are no benchmarks")
        return
    if name not in known:
        listed = ", ".join(known) or "none"
        raise typer.BadParameter(f"there is no benchmark {name!r}; there are: {listed}", param_hint="NAME")
    rows = _main(known[name])(list(context.args))
    if rows is not None:
        print_rows(list(rows), as_json=as_json, empty="no results")


def checkout() -> Path:
    """The project's folder.

    Raises:
        PulsewireError: the program runs from an installed package.
    """
    from streams.errors import PulsewireError

    root = Path(__file__).resolve().parents[2]
    if not (root / "tests" / "bench").is_dir():
        raise PulsewireError("benchmarks are part of the project's checkout, and this program was installed without it")
    return root


def benchmarks(root: Path) -> dict[str, Path]:
    """The benchmarks of a checkout, by name."""
    found = sorted((root / "tests" / "bench").glob("*.py"))
    return {path.stem: path for path in found if not path.stem.startswith(("_", "conftest", "test_"))}


def _main(path: Path) -> Callable[[list[str]], Any]:
    import runpy

    from streams.errors import PulsewireError

    root = str(path.parents[2])
    if root not in sys.path:
        sys.path.insert(0, root)  # benchmarks may share modules of `tests`
    main: Callable[[list[str]], Any] | None = runpy.run_path(str(path), run_name=f"tests.bench.{path.stem}").get("main")
    if not callable(main):
        raise PulsewireError(f"{path} has no main(argv)")
    return main


def _first_line(path: Path) -> str:
    try:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    except SyntaxError:
        return "(it cannot be parsed)"
    return text.partition("\n")[0]
