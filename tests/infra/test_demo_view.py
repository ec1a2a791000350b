"""What a demo shows: what can be copied is copied whole, and what is a markup to nobody stays as it is."""

import io
import shlex
from pathlib import Path

from rich.console import Console

from infra.demo import QUERIES, Seen, _say_what_next, _silent
from infra.demo_view import LiveView, PlainView, Progress
from streams.core.alert import Alert, AlertWindow
from streams.settings import load_settings
from streams.topology import KINDS

ROOT = Path(__file__).parents[2]


def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=76, height=12, _environ={})


def test_a_long_line_is_left_to_the_terminal_to_fold():
    console = terminal()
    live = LiveView(console)
    line = "annotations['summary'] " * 10
    live.say(line)
    live.close()
    assert line in console.file.getvalue()


def test_the_streams_are_drawn():
    console = terminal()
    live = LiveView(console)
    live.progress({kind: Progress(planned=15_000, sent=12_000, scored=11_000) for kind in KINDS})
    live.close()
    assert "11,000 of 15,000 read" in console.file.getvalue()


def test_a_line_among_the_picture_leaves_it_as_it_is():
    console = terminal()
    live = LiveView(console)
    live.progress({kind: Progress(planned=15_000, sent=12_000, scored=11_000) for kind in KINDS})
    live.say("[bold] is no markup here")
    live.close()
    assert "[bold] is no markup here" in console.file.getvalue()
    assert console.file.getvalue().count("[bold]") == 1


def test_the_picture_is_never_taller_than_the_terminal():
    console = terminal()
    live = LiveView(console)
    live.progress({kind: Progress(planned=15_000, sent=12_000, scored=11_000) for kind in KINDS})
    for number in range(20):
        live.alert(alert(number, "Resolved after 3 normal windows: " + "Errors of payments rose " * 9))
    live.close()
    last = "".join(console.file.getvalue().splitlines(keepends=True)[-console.height :])
    assert console.file.getvalue().count("\n") < console.height
    assert "Errors of payments rose" in last
    assert "Resolved after" not in last


def alert(number, summary):
    return Alert(
        id=str(number),
        fingerprint="f",
        revision=number,
        status="resolved",
        rule="error_surge",
        severity="critical",
        labels={"kind": "logs"},
        annotations={"summary": summary},
        startsAt="2026-01-31T09:00:00Z",
        endsAt="",
        window=AlertWindow("2026-01-31T09:00:00Z", 60),
        value=20.0,
        expected=0.4,
        score=29.0,
    )


def test_what_it_says_to_try_can_be_typed(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    _say_what_next(load_settings(clickhouse="http://127.0.0.1:1"), "", PlainView())
    commands = [line for line in capsys.readouterr().out.splitlines() if "query" in line]
    assert len(commands) == len(QUERIES)
    for command, query in zip(commands, QUERIES, strict=True):
        variable, program, _, sql = shlex.split(command)
        assert variable == "PULSEWIRE_CLICKHOUSE=http://127.0.0.1:1"
        assert (ROOT / program).exists()
        assert sql == query


def test_a_stream_without_an_alert_is_named():
    assert _silent(Seen(planned={})) == "no alert was raised on news.raw, logs.raw, user.events"
