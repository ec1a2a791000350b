"""`pulsewire ingest`: files, standard input and feeds, into Kafka."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.ingest import options
from streams.ingest.files import STDIN
from streams.ingest.logformats import LogFormat, named
from streams.ingest.pace import Pace
from streams.ingest.shape import Shape
from streams.topology import RAW

if TYPE_CHECKING:
    from streams.ingest.run import Outcome, Reads
    from streams.ingest.sources import Plan
    from streams.ingest.tally import Tally

app = typer.Typer(
    no_args_is_help=True,
    help="Bring files, standard input (-) and feeds into Kafka. Ends with counts sent, refused and why.",
)

Raw = Annotated[bool, typer.Option("--raw", help="Send lines as they come, JSON or not.")]
Encoding = Annotated[str, typer.Option(help="Such as utf-8-sig, gb18030, utf-16, latin-1.")]
Delimiter = Annotated[str | None, typer.Option(help="One character (\\t is a tab); looked for when not given.")]
LogEncoding = Annotated[str, typer.Option(help="What is not in it becomes the replacement character.")]
Service = Annotated[str | None, typer.Option(help="The service; the file's name without suffix when not given.")]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on as the files grow, like tail -F: over rotation and truncation.")
]
NewOnly = Annotated[bool, typer.Option("--new-only", help="With --follow: begin at the files' ends.")]
Pattern = Annotated[
    str | None,
    typer.Option("--format", help="A regular expression with a group message, and time, level, host or others."),
]
Urls = Annotated[list[str], typer.Argument(metavar="URL…", help="Addresses of RSS or Atom feeds.")]
Every = Annotated[float | None, typer.Option(min=1, help="Look again every so many seconds, until Ctrl-C.")]
Source = Annotated[str | None, typer.Option(help="The events' source; the feed's title when not given.")]


@app.command("jsonl")
def json_lines(
    paths: options.Paths, *, topic: options.Topic, rate: options.Rate = None, speed: options.Speed = 0,
    now: options.NowOption = None, maps: options.Maps = None, sets: options.Sets = None,
    fallbacks: options.Fallbacks = None, time_format: options.TimeFormat = None, zone: options.Zone = "UTC",
    bad_time: options.BadTimes = options.OnBadTime.REFUSE, key: options.Key = None,
    preset: options.PresetName = None, skip: options.Skip = 0, raw: Raw = False,
    wait_s: options.Wait = 30, as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """JSON lines, one object a line. Sent byte for byte, unless an option asks for a change."""
    from streams.ingest import sources
    from streams.ingest.command import Request, bring_files, counter

    given = options.read_shape(
        maps=maps, sets=sets, fallbacks=fallbacks, time_format=time_format, zone=zone, bad_time=bad_time.value, key=key
    )
    shape = options.with_preset(preset, given)
    if raw and (speed or now or shape != Shape()):
        raise typer.BadParameter("goes with no option that reads or changes the lines", param_hint="--raw")

    def reads(plan: "Plan", tally: "Tally") -> "Reads":
        return sources.json_lines(paths, plan, raw=raw, on_read=counter(tally))

    bring_files(Request(paths, topic, rate, speed, now, skip, as_json, wait_s=wait_s), reads, shape=shape)


@app.command("csv")
def csv_rows(
    paths: options.Paths, *, topic: options.Topic, rate: options.Rate = None, speed: options.Speed = 0,
    now: options.NowOption = None, maps: options.Maps = None, sets: options.Sets = None,
    fallbacks: options.Fallbacks = None, time_format: options.TimeFormat = None, zone: options.Zone = "UTC",
    bad_time: options.BadTimes = options.OnBadTime.REFUSE, key: options.Key = None, skip: options.Skip = 0,
    encoding: Encoding = "utf-8-sig", delimiter: Delimiter = None,
    wait_s: options.Wait = 30, as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """CSV with a header line: columns become fields, named by --map (title=Headline, value=Price:float)."""
    from streams.ingest import sources
    from streams.ingest.command import Request, bring_files, counter

    shape = options.read_shape(
        maps=maps, sets=sets, fallbacks=fallbacks, time_format=time_format, zone=zone, bad_time=bad_time.value, key=key
    )
    options.check_encoding(encoding)
    mark = "\t" if delimiter == "\\t" else delimiter
    if mark is not None and (len(mark) != 1 or mark in '"\r\n'):
        raise typer.BadParameter("expected one character", param_hint="--delimiter")

    def reads(plan: "Plan", tally: "Tally") -> "Reads":
        return sources.csv_rows(paths, plan, encoding=encoding, delimiter=mark, on_read=counter(tally))

    bring_files(Request(paths, topic, rate, speed, now, skip, as_json, wait_s=wait_s), reads, shape=shape)


@app.command("logs")
def log_lines(
    paths: options.Paths, *, topic: options.Topic = RAW["logs"], rate: options.Rate = None, speed: options.Speed = 0,
    now: options.NowOption = None, service: Service = None, follow: Follow = False, new_only: NewOnly = False,
    pattern: Pattern = None, time_format: options.TimeFormat = None, zone: options.Zone = "UTC",
    encoding: LogEncoding = "utf-8", key: options.Key = "service", skip: options.Skip = 0,
    wait_s: options.Wait = 30, as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Text logs. Time, level and host are read from common formats; stack traces are joined to their first line."""
    from streams.ingest import sources
    from streams.ingest.command import Request, bring_files, counter

    options.check_encoding(encoding, lines_of_bytes=True)
    if follow and (STDIN in paths or now is options.Now.LAST):
        raise typer.BadParameter("needs files, and has no last event", param_hint="--follow")
    if new_only and not follow:
        raise typer.BadParameter("goes with --follow", param_hint="--new-only")
    log_options = sources.LogOptions(service, encoding, _own(pattern, time_format), follow, new_only)

    def reads(plan: "Plan", tally: "Tally") -> "Reads":
        return sources.log_lines(paths, plan, log_options, on_read=counter(tally))

    request = Request(paths, topic, rate, speed, now, skip, as_json, endless=follow, wait_s=wait_s)
    bring_files(request, reads, shape=options.read_shape(zone=zone, key=key))


@app.command("rss")
def feeds(
    urls: Urls, *, topic: options.Topic = RAW["news"], rate: options.Rate = None, every: Every = None,
    source: Source = None, wait_s: options.Wait = 30, as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """RSS and Atom feeds: entries that were not sent before become news. Unchanged feeds are not fetched again."""
    from streams.ingest import rss, run
    from streams.ingest.addresses import shown
    from streams.ingest.command import fail, finish
    from streams.settings import Kafka, load_settings

    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise typer.BadParameter(f"{shown(url)} is no http or https address", param_hint="URL")

    async def work() -> "Outcome":
        settings = load_settings()

        def reads(_tally: "Tally") -> "Reads":
            return rss.poll(urls, topic=topic, data_dir=Path(settings.data_dir), every_s=every, source=source)

        return await run.ingest(Kafka.of(settings), topic=topic, reads=reads, pace=Pace(rate=rate), patience_s=wait_s)

    outcome = finish(work(), topic=topic, as_json=as_json, endless=every is not None)
    if every is None and outcome.tally.refused_total == len(urls):
        fail("no feed could be read")


def _own(pattern: str | None, time_format: str | None) -> LogFormat | None:
    if time_format and not pattern:
        raise typer.BadParameter("goes with --format", param_hint="--time-format")
    try:
        return named(pattern, time_format) if pattern else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--format") from None
