"""`pulsewire query`: SQL, asked as the user that can only read."""

import asyncio
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from streams.cli.output import AsJson, on_terminal, print_table, say

if TYPE_CHECKING:
    from streams.settings import Settings

ROWS_ON_A_TERMINAL: Final = 1_000
_OWN_FORMAT: Final = re.compile(r"\bFORMAT\s+(\w+)\s*$", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


def query(
    sql: Annotated[str, typer.Argument(help="A SELECT, or - for standard input.")],
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a line of names.")] = False,
    form: Annotated[
        str, typer.Option("--format", help="Any output format of ClickHouse, such as Parquet.", metavar="NAME")
    ] = "",
    param: Annotated[
        list[str] | None,
        typer.Option(help="A value for {NAME:Type} in the query; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
) -> None:
    """Ask ClickHouse, as the user that can only read: events, windows, trend, alerts, samples.

    A table on a terminal, tab-separated values without a line of names elsewhere.
    """
    from streams.settings import load_settings

    text = _statement(sys.stdin.read() if sql == "-" else sql)
    values = _values(param or [], text)
    form = _format(text, form=form, as_json=as_json, as_csv=as_csv)
    settings = load_settings()
    if form:
        asyncio.run(_copy(settings, text, values=values, form="" if _OWN_FORMAT.search(text) else form))
    else:
        asyncio.run(_show(settings, text, values=values))


def _statement(sql: str) -> str:
    text = sql.strip().rstrip("; \n\t")
    if not text:
        raise typer.BadParameter("the query is empty")
    return text


def _values(given: list[str], sql: str) -> dict[str, str]:
    values = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise typer.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--param")
        if not re.search(rf"\{{\s*{name}\s*:", sql):
            raise typer.BadParameter(f"the query has no {{{name}:Type}}", param_hint="--param")
        values[name] = value
    return values


def _format(sql: str, *, form: str, as_json: bool, as_csv: bool) -> str:
    """ClickHouse's name of the format; empty for a table on a terminal."""
    own = _OWN_FORMAT.search(sql)
    asked = [name for name in (form, "JSONEachRow" * as_json, "CSVWithNames" * as_csv, own[1] if own else "") if name]
    if len(asked) > 1:
        raise typer.BadParameter(f"one format, please, not {' and '.join(asked)}")
    if form and not _NAME.fullmatch(form):
        raise typer.BadParameter(f"{form!r} is no name of a format", param_hint="--format")
    return asked[0] if asked else "" if on_terminal() else "TabSeparated"


async def _copy(settings: "Settings", sql: str, *, values: dict[str, str], form: str) -> None:
    """Hand on what the server sends, as it comes."""
    async with _stream(settings, sql, values=values, form=form) as pieces:
        async for piece in pieces:
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


async def _show(settings: "Settings", sql: str, *, values: dict[str, str]) -> None:
    import msgspec

    rest, lines = b"", []
    async with _stream(settings, sql, values=values, form="JSONCompactEachRowWithNames") as pieces:
        async for piece in pieces:
            *complete, rest = (rest + piece).split(b"\n")
            lines += complete
            if len(lines) > ROWS_ON_A_TERMINAL + 1:
                break
    names, *rows = [msgspec.json.decode(line) for line in lines[: ROWS_ON_A_TERMINAL + 1]] or [[]]
    print_table(names, rows)
    more = len(lines) > ROWS_ON_A_TERMINAL + 1
    say(f"the first {len(rows):,} rows; --json or --csv gives all" if more else _counted(len(rows)))


def _counted(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _stream(settings: "Settings", sql: str, *, values: dict[str, str], form: str) -> Any:
    from streams.adapters.raw_query import raw_query

    return raw_query(settings, sql, values=values, form=form)
