"""`pulsewire doctor`: what is reachable, what is not, what to do about it."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

from streams.cli.output import AsJson, on_terminal, print_json, safe

if TYPE_CHECKING:
    from streams.doctor.finding import Finding
    from streams.settings import Settings

PATIENCE_S: Final = 20.0
_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(as_json: AsJson = False) -> None:
    """Look at everything that Pulsewire stands on: settings, disk, model, Kafka, ClickHouse, lag.

    Each line is ok, warn or fail, with what to do about it. Exit code 1 if something fails.
    """
    from streams.errors import PulsewireError
    from streams.settings import load_settings

    findings = asyncio.run(_examine(load_settings()))
    for finding in findings:
        if as_json:
            print_json(finding)
        else:
            _print(finding)
    if failed := [finding.check for finding in findings if finding.status == "fail"]:
        raise PulsewireError(f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}")


async def _examine(settings: "Settings") -> "list[Finding]":
    from streams.doctor import broker, machine, model, store

    parts = await asyncio.gather(
        asyncio.to_thread(machine.examine, settings),
        asyncio.to_thread(model.examine, settings),
        _in_time("kafka", broker.examine(settings)),
        _in_time("clickhouse", store.examine(settings)),
    )
    return [finding for part in parts for finding in part]


async def _in_time(check: str, examination: "Awaitable[list[Finding]]") -> "list[Finding]":
    from streams.doctor.finding import fail

    try:
        async with asyncio.timeout(PATIENCE_S):
            return await examination
    except TimeoutError:
        return [
            fail(check, f"no answer within {PATIENCE_S:.0f} s", "see whether it is overloaded, or behind a firewall")
        ]


def _print(finding: "Finding") -> None:
    advice = f" - {finding.advice}" if finding.advice else ""
    line = f"{finding.check}: {finding.detail}{advice}"
    if not on_terminal():
        print(f"{finding.status}\t{' '.join(safe(line).split())}")
        return
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(f"{finding.status:<5}", style=_COLOURS[finding.status]).append(safe(line), style="default"))
