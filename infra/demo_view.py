"""What `demo` shows while it runs: a live picture on a terminal, plain lines elsewhere."""

import re
import time
from collections.abc import Mapping
from typing import Protocol

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from streams.core.alert import Alert
from streams.topology import KINDS, RAW, Kind

PLAIN_EVERY_S = 5.0
RECENT = 8
_BESIDE_BARS = 56  # columns: topic, counts
_BESIDE_ALERTS = 7  # lines: bars, the panel's edges, one where the cursor is, one to spare
_RESOLVED = re.compile("^Resolved after [^:]*: ")  # the status says it beside
_STYLE = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


class Progress(msgspec.Struct, frozen=True):
    """How far a stream is, in events."""

    planned: int
    sent: int
    scored: int


class View(Protocol):
    """Shows a run. `progress` may come as often as it likes."""

    def say(self, line: str) -> None:
        """A line that stays."""

    def progress(self, streams: Mapping[Kind, Progress]) -> None:
        """How far each stream is."""

    def alert(self, alert: Alert) -> None:
        """An alert that was raised, changed or resolved."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def view(console: Console) -> View:
    """The view that suits where the output goes."""
    return LiveView(console) if console.is_terminal else PlainView()


def alert_line(alert: Alert) -> str:
    """An alert in one line."""
    return f"{alert.startsAt[11:16]}  {alert.status:<8}  {alert.severity:<8}  {alert.annotations['summary']}"


class PlainView:
    """Lines, for files and pipes."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def say(self, line: str) -> None:
        """See `View`."""
        print(line, flush=True)

    def progress(self, streams: Mapping[Kind, Progress]) -> None:
        """See `View`: a line every few seconds."""
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + PLAIN_EVERY_S
            parts = (f"{RAW[kind]} {p.scored} of {p.planned} scored" for kind, p in streams.items())
            print("; ".join(parts), flush=True)

    def alert(self, alert: Alert) -> None:
        """See `View`."""
        print(f"alert  {alert_line(alert)}", flush=True)

    def close(self) -> None:
        """See `View`."""


class LiveView:
    """A picture that is drawn anew, under the lines that stay."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._streams: Mapping[Kind, Progress] = {}
        self._alerts: list[Alert] = []
        self._live = Live(console=console, refresh_per_second=8, transient=False, get_renderable=self._picture)
        self._live.start()

    def say(self, line: str) -> None:
        """See `View`: the terminal folds a long line, so that it is copied as one."""
        self._console.print(Text(line), soft_wrap=True)

    def progress(self, streams: Mapping[Kind, Progress]) -> None:
        """See `View`."""
        self._streams = streams

    def alert(self, alert: Alert) -> None:
        """See `View`."""
        self._alerts = [*self._alerts[-(RECENT - 1) :], alert]

    def close(self) -> None:
        """See `View`."""
        self._live.stop()

    def _picture(self) -> RenderableType:
        if not self._streams:
            return Text("")
        parts: list[RenderableType] = [self._bars()]
        if self._alerts:
            parts.append(Panel(self._list(), title="alerts", title_align="left", border_style="dim"))
        parts.append(Text(""))  # where the terminal shows ^C: at the end of a full line it would make one more
        return Group(*parts)

    def _bars(self) -> Table:
        table = Table.grid(padding=(0, 2))
        width = max(4, min(32, self._console.width - _BESIDE_BARS))
        for kind in KINDS:
            p = self._streams[kind]
            bar = ProgressBar(total=max(1, p.planned), completed=min(p.planned, p.scored), width=width)
            counts = Text(f"{p.scored:>6,} of {p.planned:,} read")
            table.add_row(Text(RAW[kind], "bold"), bar, counts, Text(f"{p.sent:,} sent", "dim"))
        return table

    def _list(self) -> Table:
        """One line each, as many as fit: a picture that is taller than the terminal could not be drawn anew."""
        table = Table.grid(padding=(0, 1))
        for alert in self._alerts[-max(1, self._console.height - _BESIDE_ALERTS) :]:
            style = "green" if alert.status == "resolved" else _STYLE[alert.severity]
            summary = _RESOLVED.sub("", alert.annotations["summary"])
            table.add_row(
                Text(alert.startsAt[11:16], "dim"),
                Text(alert.status, style),
                Text(summary, no_wrap=True, overflow="ellipsis"),
            )
        return table
