"""`pulsewire up`: the embedded stack, the workers and the page, in the foreground until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from infra.embedded.errors import StackError
from infra.embedded.part import Part, Restart
from infra.embedded.ports import LOOPBACK, free_port, require_free
from infra.embedded.probes import answers_http
from infra.embedded.stack import Stack
from infra.init import initialise
from streams.core import dlq_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from typing import Any

    from streams.settings import Settings

_LOOPBACK_NAMES = (LOOPBACK, "localhost")
_READY_WITHIN_S = 120.0  # a worker loads a model


class Line(msgspec.Struct, frozen=True):
    """One address to show."""

    what: str
    where: str


async def up(
    settings: Settings, *, workers: int, say: Callable[[str], None], show: Callable[[list[Line]], None]
) -> None:
    """Everything up, its addresses shown, until somebody ends it; raises `StackError` for what stands in the way."""
    await until_signalled(_run(settings, workers=workers, say=say, show=show), say=say)


def program_part(name: str, *arguments: str, env: Mapping[str, str], ready_url: str) -> Part:
    """A process of ours whose command line reads `pulsewire <arguments>`."""
    program = Path(sys.executable).with_name("pulsewire")
    if not program.exists():
        raise StackError(f"no program `pulsewire` beside {sys.executable}: install the project (`make` does)")
    return Part(
        name=name,
        argv=(str(program), *arguments),
        env=dict(env),
        ready=answers_http(ready_url),
        ready_within_s=_READY_WITHIN_S,
        restart=Restart(never_after=frozenset({dlq_limit.EXIT})),
    )


async def _run(
    settings: Settings, *, workers: int, say: Callable[[str], None], show: Callable[[list[Line]], None]
) -> None:
    kafka, clickhouse = _port(settings.kafka, "PULSEWIRE_KAFKA"), _port(settings.clickhouse, "PULSEWIRE_CLICKHOUSE")
    page = _port(settings.page, "PULSEWIRE_PAGE")
    for port, what in ((kafka, "Kafka"), (clickhouse, "ClickHouse"), (page, "the page")):
        require_free(port, f"{what} (PULSEWIRE_{what.split()[-1].upper()})")
    say("starting Kafka and ClickHouse ...")
    async with Stack(
        settings.data_dir, kafka_port=kafka, clickhouse_port=clickhouse, say=say, store_env=_passwords(settings)
    ) as stack:
        await initialise(settings)
        metrics = {name: free_port() for name in ("serve", *(f"worker-{n}" for n in range(1, workers + 1)))}
        parts = [_part(name, port, settings, stack) for name, port in metrics.items()]
        say("loading the model ...")
        await stack.supervisor.add_all(parts)
        show(_lines(settings, stack, metrics))
        await asyncio.Event().wait()


def _part(name: str, metrics_port: int, settings: Settings, stack: Stack) -> Part:
    env = {
        "PULSEWIRE_KAFKA": stack.addresses.kafka,
        "PULSEWIRE_CLICKHOUSE": stack.addresses.clickhouse,
        "PULSEWIRE_DATA_DIR": str(settings.data_dir.resolve()),
        "PULSEWIRE_PAGE": settings.page,
        "PULSEWIRE_METRICS_PORT": str(metrics_port),
    }
    if name == "serve":
        return program_part(name, "serve", env=env, ready_url=f"http://{settings.page}/readyz")
    return program_part(name, "worker", env=env, ready_url=f"http://{LOOPBACK}:{metrics_port}/readyz")


def _lines(settings: Settings, stack: Stack, metrics: Mapping[str, int]) -> list[Line]:
    return [
        Line("dashboard and API", f"http://{settings.page}"),
        Line("Kafka", stack.addresses.kafka),
        Line("ClickHouse", f"{stack.addresses.clickhouse} (users pulsewire, reader)"),
        *(
            Line(f"metrics of {name}", f"http://{LOOPBACK}:{port}/metrics")
            for name, port in metrics.items()
            if name != "serve"
        ),
        Line("logs", str(settings.data_dir.resolve() / "logs")),
    ]


def _port(address: str, setting: str) -> int:
    """The port of an address on this machine."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    if parts.hostname not in _LOOPBACK_NAMES or parts.port is None:
        raise StackError(f"{setting} is {address}, but `up` runs on this machine alone: {LOOPBACK} and a port is right")
    return parts.port


def _passwords(settings: Settings) -> dict[str, str]:
    return {
        "PULSEWIRE_CLICKHOUSE_PASSWORD": settings.clickhouse_password.get_secret_value(),
        "PULSEWIRE_CLICKHOUSE_READER_PASSWORD": settings.clickhouse_reader_password.get_secret_value(),
    }


async def until_signalled(work: Coroutine[Any, Any, None], *, say: Callable[[str], None]) -> bool:
    """Run it; Ctrl-C and SIGTERM end it in good order, whatever it is at. Whether it came to its own end."""
    task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()

    def end() -> None:
        if not task.cancelling():  # a second one must not cut short what the first one began
            say("stopping ...")
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    try:
        await task
    except asyncio.CancelledError:
        return False
    return True
