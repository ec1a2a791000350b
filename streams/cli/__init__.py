"""Commands of the stream: work, look, ask. Heavy imports wait until a command needs them."""

import typer

from streams.cli import dlq, ingest, samples
from streams.cli.alerts import alerts
from streams.cli.bench import ANY_OPTION, bench
from streams.cli.classify import classify
from streams.cli.doctor import doctor
from streams.cli.query import query
from streams.cli.serve import serve
from streams.cli.worker import worker

app = typer.Typer()
app.command()(worker)
app.command()(serve)
app.command()(classify)
app.command()(query)
app.command()(alerts)
app.add_typer(ingest.app, name="ingest")
app.add_typer(dlq.app, name="dlq")
app.add_typer(samples.app, name="samples")
app.command(context_settings=ANY_OPTION)(bench)
app.command()(doctor)
