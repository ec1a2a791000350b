"""How commands print: a table on a terminal, tab-separated lines elsewhere, one JSON a line where it was asked for.

Nothing that came from outside reaches a terminal raw: control characters are shown as escapes.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON a line.")]

# Everything of Unicode's C0 and C1 but tab and newline, and what turns the direction of writing around
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_IN_A_CELL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def on_terminal() -> bool:
    """Whether somebody looks at standard output."""
    return sys.stdout.isatty()


def safe(text: str) -> str:
    """The text with its control characters, other than tab and newline, as escapes."""
    return _CONTROL.sub(_escaped, text)


def print_json(value: Any) -> None:
    """One JSON on a line of its own."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool = False, empty: str = "nothing") -> None:
    """Rows as a table, as tab-separated lines, or as JSON; `empty` is said to a terminal alone."""
    if as_json:
        for row in rows:
            print_json(row)
    elif not on_terminal():
        print_lines(rows)
    elif rows:
        print_table(list(rows[0]), ([row.get(name) for name in rows[0]] for row in rows))
    else:
        say(empty)


def print_lines(rows: Sequence[Mapping[str, Any]]) -> None:
    """Tab-separated lines under a line of names; nothing at all where there are no rows."""
    if rows:
        print("\t".join(rows[0]))
    for row in rows:
        print("\t".join(cell(row.get(name)) for name in rows[0]))


def print_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table as wide as the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in names:
        table.add_column(Text(cell(name)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value), justify="right" if _is_number(value) else "left") for value in row))
    Console().print(table)


def cell(value: Any) -> str:
    """A value on one line, without tabs or control characters."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else _plain(value)
    return _IN_A_CELL.sub(_escaped, text)


def say(line: str) -> None:
    """A word to whoever sits there: on standard error, so that it never stands among the data."""
    print(safe(line), file=sys.stderr, flush=True)


def _plain(value: Any) -> str:
    return str(value) if isinstance(value, bool | int) else msgspec.json.encode(value).decode()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
