"""The counts at the end, as a table for people or JSON for machines."""

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
    rate = tally.sent / seconds if seconds > 0 else 0.0
    table = Table("outcome", "count", "detail", title=f"into {topic}", title_justify="left")
    table.add_row("sent", f"{tally.sent:,}", f"{tally.sent_bytes:,} bytes in {seconds:.1f} s, {rate:,.0f}/s")
    for code, count in tally.refused.most_common():
        table.add_row(f"refused: {code}", f"{count:,}", escape("\n".join(place(e) for e in tally.examples[code])))
    table.columns[1].justify = "right"
    Console().print(table)
