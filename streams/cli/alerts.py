"""`pulsewire alerts`: how alerts stand, or as they come."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from streams.cli.output import AsJson, print_json, print_rows, safe, say
from streams.topology import Kind

if TYPE_CHECKING:
    from streams.core.alert import Alert
    from streams.settings import Settings

_MARKS: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan", "resolved": "green"}


def alerts(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print alerts as they come, until Ctrl-C.")] = False,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="With --follow: first all that the topic still holds.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 20,
    kind: Annotated[Kind | None, typer.Option(help="Only of this kind.")] = None,
    status: Annotated[Literal["firing", "resolved"] | None, typer.Option(help="Only what stands so.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the latest alerts, one line an incident; with --follow, every change of one as it comes."""
    from streams.settings import load_settings

    if from_beginning and not follow:
        raise typer.BadParameter("it goes with --follow", param_hint="--from-beginning")
    settings = load_settings()
    wanted = Wanted(kind, status)
    if follow:
        try:
            asyncio.run(_follow(settings, wanted, from_beginning=from_beginning, as_json=as_json))
        except KeyboardInterrupt:
            return  # the way to end it
    else:
        found = asyncio.run(_latest(settings, wanted, limit=limit))
        if as_json:
            for alert in found:
                print_json(alert)
        else:
            print_rows([_row(alert) for alert in found], empty="no alerts")


class Wanted:
    """Which alerts somebody wants to see."""

    def __init__(self, kind: str | None, status: str | None) -> None:
        self.kind = kind or ""
        self.status = status or ""

    def __call__(self, alert: "Alert") -> bool:
        return self.kind in ("", alert.labels.get("kind")) and self.status in ("", alert.status)


async def _latest(settings: "Settings", wanted: Wanted, *, limit: int) -> "list[Alert]":
    from streams.adapters.alert_list import latest_alerts

    return await latest_alerts(settings, kind=wanted.kind, status=wanted.status, limit=limit)


async def _follow(settings: "Settings", wanted: Wanted, *, from_beginning: bool, as_json: bool) -> None:
    import msgspec

    from streams.adapters.tail import tail
    from streams.core.alert import Alert
    from streams.settings import Kafka
    from streams.topology import ALERTS

    decode = msgspec.json.Decoder(Alert).decode
    async for record in tail(Kafka.of(settings), ALERTS, from_beginning=from_beginning, say=say):
        try:
            alert = decode(record.value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            say(f"{ALERTS}/{record.partition}/{record.offset} is no alert: {error}")
            continue
        if wanted(alert):
            _print(alert, as_json=as_json)


def _print(alert: "Alert", *, as_json: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    if as_json:
        print_json(alert)
        return
    when = alert.startsAt if alert.status == "firing" else alert.endsAt
    mark = alert.severity if alert.status == "firing" else "resolved"
    line = Text(f"{when}  ").append(f"{mark:<8}", style=_MARKS.get(mark, ""))
    line.append(safe(f"  {_series(alert)}  {_summary(alert)}"))
    Console(soft_wrap=True).print(line)


def _row(alert: "Alert") -> dict[str, Any]:
    return {
        "starts": alert.startsAt,
        "ends": alert.endsAt if alert.status == "resolved" else "",
        "status": alert.status,
        "severity": alert.severity,
        "rule": alert.rule,
        "series": _series(alert),
        "value": alert.value,
        "expected": alert.expected,
        "summary": _summary(alert),
    }


def _series(alert: "Alert") -> str:
    return "|".join(alert.labels.get(name, "") for name in ("kind", "dimension", "key"))


def _summary(alert: "Alert") -> str:
    return alert.annotations.get("summary", alert.rule)
