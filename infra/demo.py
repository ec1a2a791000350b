"""`pulsewire demo`: the embedded stack in a folder of its own, an hour of events played as three live streams."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient

from infra.demo_view import Progress, View
from infra.embedded.folder import Folder
from infra.embedded.part import Part
from infra.embedded.ports import LOOPBACK, choose_port
from infra.embedded.stack import Stack
from infra.init import initialise
from infra.sample.replay import replay, whole_hour
from infra.sample.watch import sample_entities
from infra.up import program_part
from streams.adapters.clickhouse import connect, store_errors
from streams.adapters.tail import tail
from streams.core.alert import Alert, decode_alert
from streams.errors import PulsewireError
from streams.settings import Kafka, Settings, load_settings, seed_data
from streams.topology import ALERTS, KINDS, RAW, Kind

SPEED: Final = 60.0  # an hour in a minute
IDLE_AFTER_MS: Final = 3_000
LOOK_EVERY_S: Final = 0.5
QUIET_S: Final = 3 * IDLE_AFTER_MS / 1_000  # so long without a change and the last windows are closed and judged
PATIENCE_S: Final = 180.0  # for the workers to read what was sent

QUERIES: Final = (
    """SELECT window_start, key, events, round(sentiment, 2) AS mood FROM trend WHERE kind = 'news'\
 AND dimension = 'entity' AND window_seconds = 60 AND events >= 5 ORDER BY mood LIMIT 5""",
    """SELECT service, severity, count() AS lines, any(text) AS example FROM events FINAL WHERE kind = 'logs'\
 AND anomaly_score > 0.5 GROUP BY ALL ORDER BY lines DESC LIMIT 5""",
    """SELECT starts_at, status, rule, key, annotations['summary'] AS summary FROM alerts FINAL\
 ORDER BY starts_at, revision""",
)


class Seen(msgspec.Struct):
    """What has happened so far."""

    planned: dict[Kind, int]
    sent: dict[Kind, int] = msgspec.field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    scored: dict[Kind, int] = msgspec.field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    alerts: list[Alert] = []
    changed_s: float = 0.0
    first_scored_s: float | None = None


class Ports(msgspec.Struct, frozen=True):
    """Where everything answers; consecutive from a base, or any free ones."""

    kafka: int
    controller: int
    clickhouse: int
    page: int
    worker: int

    @classmethod
    def choose(cls, base: int | None) -> "Ports":
        """Raises `StackError` if one of the five from `base` on is taken."""
        names = ("Kafka", "Kafka's controller", "ClickHouse", "the page", "the worker's metrics")
        return cls(*(choose_port(base + i if base else 0, name) for i, name in enumerate(names)))


async def demo(settings: Settings, *, once: bool, port_base: int | None, speed: float, view: View) -> None:
    """Play the sample; with `once` return when it is drained and judged, else stay until interrupted.

    Raises:
        PulsewireError: something did not come up or did not drain, or, with `once`, some kind raised no alert.
    """
    began_s, real = time.monotonic(), seed_data(settings)
    ports = Ports.choose(port_base)
    async with _running(settings.data_dir.absolute() / "demo", ports, view) as running:
        seen = Seen(planned={kind: len(events) for kind, events in (await whole_hour(real)).items()})
        view.say(f"dashboard: http://{running.page}")
        view.say(_what_plays(seen, real, speed))
        async with _tables(running) as client:
            watching = asyncio.create_task(_watch_alerts(running, seen, view))
            try:
                await _play(running, client, seen, speed=speed, real=real, view=view)
            finally:
                watching.cancel()
                await asyncio.wait([watching])
        _say_end(seen, began_s, view)
        silent = _silent(seen)
        if once and silent:
            raise PulsewireError(silent)
        if not once:
            _say_what_next(running, silent, view)
            await asyncio.Event().wait()


@asynccontextmanager
async def _running(folder: Path, ports: Ports, view: View) -> AsyncIterator[Settings]:
    """Everything up, from scratch; gives the settings that lead to it."""
    view.say("starting Kafka and ClickHouse ...")
    await _empty(folder, view)
    stack = Stack(
        folder, kafka_port=ports.kafka, controller_port=ports.controller, clickhouse_port=ports.clickhouse, say=view.say
    )
    async with stack:
        running = load_settings(
            kafka=stack.addresses.kafka,
            clickhouse=stack.addresses.clickhouse,
            data_dir=folder,
            page=f"{LOOPBACK}:{ports.page}",
        )
        await initialise(running)
        view.say("loading the model ...")
        worker = _part("worker", running, ports.worker, ready=f"{LOOPBACK}:{ports.worker}")
        await stack.supervisor.add_all([worker, _part("serve", running, 0, ready=running.page)])
        yield running


async def _empty(folder: Path, view: View) -> None:
    """Let go of what the last run left, unless it still runs."""
    owned = await Folder.own(folder, say=view.say)
    try:
        for old in ("kafka", "clickhouse", "logs"):
            await asyncio.to_thread(shutil.rmtree, folder / old, ignore_errors=True)
    finally:
        owned.close()


def _part(name: str, running: Settings, metrics_port: int, *, ready: str) -> Part:
    entities = msgspec.json.encode([entity.model_dump() for entity in sample_entities()]).decode()
    env = {
        "PULSEWIRE_KAFKA": running.kafka,
        "PULSEWIRE_CLICKHOUSE": running.clickhouse,
        "PULSEWIRE_DATA_DIR": str(running.data_dir),
        "PULSEWIRE_PAGE": running.page,
        "PULSEWIRE_ENTITIES": entities,
        "PULSEWIRE_IDLE_AFTER_MS": str(IDLE_AFTER_MS),
        "PULSEWIRE_METRICS_PORT": str(metrics_port),
    }
    return program_part(name, name, env=env, ready_url=f"http://{ready}/readyz")


@asynccontextmanager
async def _tables(running: Settings) -> AsyncIterator[AsyncClient]:
    client = await connect(running, reader=True)
    try:
        yield client
    finally:
        await client.close()


async def _watch_alerts(running: Settings, seen: Seen, view: View) -> None:
    async for record in tail(Kafka.of(running), ALERTS, from_beginning=True, say=view.say):
        alert = decode_alert(record.value)
        if alert is not None and alert.id not in {known.id for known in seen.alerts}:
            seen.alerts.append(alert)
            seen.changed_s = time.monotonic()
            view.alert(alert)


async def _play(
    running: Settings, client: AsyncClient, seen: Seen, *, speed: float, real: Path | None, view: View
) -> None:
    """Replay, and return when everything is read and nothing changes any more."""

    def on_sent(kind: Kind, count: int) -> None:
        seen.sent[kind] += count
        seen.changed_s = time.monotonic()

    replaying = asyncio.create_task(replay(Kafka.of(running), speed=speed, on_sent=on_sent, real=real))
    try:
        while not (replaying.done() and _drained(seen)):
            await asyncio.sleep(LOOK_EVERY_S)
            await _look(client, seen)
            # what was just sent may be read before the broker's answer has come to us
            sent = {kind: max(seen.sent[kind], seen.scored[kind]) for kind in KINDS}
            view.progress({k: Progress(seen.planned[k], sent[k], seen.scored[k]) for k in KINDS})
            if replaying.done():
                replaying.result()  # its trouble is ours
                if time.monotonic() - seen.changed_s > PATIENCE_S:
                    raise PulsewireError(f"the worker stopped reading: {_behind(seen)}; see {running.data_dir}/logs")
    finally:
        replaying.cancel()


async def _look(client: AsyncClient, seen: Seen) -> None:
    with store_errors():
        answer = await client.query("SELECT kind, count() FROM events FINAL GROUP BY kind")
    scored = dict.fromkeys(KINDS, 0) | dict(answer.result_rows)
    if scored != seen.scored:
        seen.scored, seen.changed_s = scored, time.monotonic()
        seen.first_scored_s = seen.first_scored_s or seen.changed_s


def _drained(seen: Seen) -> bool:
    """Everything that was sent is read, and quiet for long enough that the last windows are closed and judged."""
    return seen.scored == seen.sent and time.monotonic() - seen.changed_s > QUIET_S


def _behind(seen: Seen) -> str:
    return ", ".join(f"{RAW[kind]} {seen.scored[kind]} of {seen.sent[kind]}" for kind in KINDS)


def _what_plays(seen: Seen, real: Path | None, speed: float) -> str:
    also = "the bundled sample and real news and logs" if real else "the bundled sample"
    pace = f"at {speed:g} times real time" if speed else "as fast as possible"
    return f"playing {sum(seen.planned.values()):,} events, {also}, one hour {pace}"


def _say_end(seen: Seen, began_s: float, view: View) -> None:
    first_s = (seen.first_scored_s or time.monotonic()) - began_s
    raised = {alert.fingerprint for alert in seen.alerts if alert.status == "firing"}
    view.say(
        f"{sum(seen.scored.values()):,} events read, the first after {first_s:.0f} s; {len(raised)} alerts;"
        f" {time.monotonic() - began_s:.0f} s in all"
    )


def _say_what_next(running: Settings, silent: str, view: View) -> None:
    if silent:
        view.say(silent)
    view.say("try in another terminal, in this folder:")
    for query in QUERIES:
        view.say(f'  PULSEWIRE_CLICKHOUSE={running.clickhouse} {_program()} query "{query}"')
    view.say(f"dashboard: http://{running.page}    Ctrl-C ends it.")


def _program() -> str:
    """This very program, as it can be typed in this folder."""
    program = Path(sys.executable).with_name("pulsewire")
    return os.path.relpath(program) if program.is_relative_to(Path.cwd()) else str(program)


def _silent(seen: Seen) -> str:
    """Which streams raised no alert, though something is hidden in each; empty where all did."""
    silent = [RAW[kind] for kind in KINDS if not any(alert.labels["kind"] == kind for alert in seen.alerts)]
    return f"no alert was raised on {', '.join(silent)}" if silent else ""
