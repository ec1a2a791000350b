"""The counts at the end: a table on a terminal, plain lines elsewhere, or JSON."""

from collections.abc import Iterator

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.ingest.tally import Tally, place


def show(tally: Tally, *, topic: str, seconds: float, as_json: bool) -> None:
    """Print the counts on standard output."""
    if as_json:
        typer.echo(msgspec.json.encode(tally.document(topic=topic, elapsed_s=seconds)))
        return
    console = Console()
    if not console.is_terminal:
        for outcome, count, details in _rows(tally, seconds):
            typer.echo(f"{outcome}\t{count}\t{'; '.join(details)}")
        return
    table = Table("outcome", "count", "detail", title=f"into {topic}", title_justify="left")
    for outcome, count, details in _rows(tally, seconds):
        table.add_row(outcome, f"{count:,}", escape("\n".join(details)))
    table.columns[1].justify = "right"
    console.print(table)


def _rows(tally: Tally, seconds: float) -> Iterator[tuple[str, int, list[str]]]:
    rate = tally.sent / seconds if seconds > 0 else 0.0
    yield "sent", tally.sent, [f"{tally.sent_bytes:,} bytes in {seconds:.1f} s, {rate:,.0f}/s"]
    for code, count in tally.refused.most_common():
        yield f"refused: {code}", count, [place(refusal) for refusal in tally.examples[code]]
