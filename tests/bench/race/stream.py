"""Events a second from topic to table: ours and the peers' programs, each a process, in turn in every round.

Every entrant has a topic of its own with the same partitions, and gets the same events in the same order. The clock
runs from the first event sent until the store counts all of them in the entrant's table.
"""

import asyncio
import time
from itertools import islice
from pathlib import Path

import msgspec
from aiokafka.admin import NewTopic

from infra.embedded.part import Part
from models.console import progress
from streams.adapters.broker import administrator
from streams.adapters.clickhouse import DATABASE, connect
from streams.errors import PulsewireError
from streams.settings import Kafka
from tests.bench._stack import PARTITIONS, TOPICS, payloads, running, send
from tests.bench._texts import headlines
from tests.bench.loop import bare
from tests.bench.race.environment import PROGRAMS, environment
from tests.bench.race.score import Entrant, rows

PASSWORD = "RACE_CLICKHOUSE_PASSWORD"
WARM_UP = 64  # events
START_WITHIN_S = 300.0
MADE = """
CREATE TABLE {table:Identifier}
(event_id String, event_time DateTime64(3, 'UTC'), said String, label LowCardinality(String))
ENGINE = MergeTree ORDER BY event_id
"""
COUNT = "SELECT count() FROM {table:Identifier}"
ONCE = "SELECT count(), uniqExact(event_id) FROM {table:Identifier}"
OURS_ONCE = "SELECT count(), uniqExact(event_id) FROM events FINAL"
AGREE = """
SELECT countIf(theirs.label = ours.sentiment) / count()
FROM {table:Identifier} AS theirs INNER JOIN (SELECT event_id, sentiment FROM events FINAL) AS ours USING event_id
"""


class Peer(msgspec.Struct, frozen=True):
    """One library with one reader inside."""

    library: str  # of which there is a program `with_<library>.py`
    reader: str  # that reading.py knows
    name: str
    bar: float = 0.0

    @property
    def table(self) -> str:
        """Its table, and its topic."""
        return f"race_{self.library}_{self.reader.replace('-', '_')}"


FAUST, QUIX, FASTSTREAM = ("faust", "Faust"), ("quix", "Quix Streams"), ("faststream", "FastStream")
WITH_MODEL = [
    Peer(library, reader, f"{name}, {what} inside", bar)
    for reader, what, bar in (("pipeline-32", "a transformers pipeline", 5.0), ("ort", "onnxruntime int8", 1.5))
    for library, name in (FAUST, QUIX, FASTSTREAM)
]
WITHOUT = [Peer(library, "none", name) for library, name in (FAUST, QUIX, FASTSTREAM, ("bytewax", "bytewax"))]


class Field(msgspec.Struct, frozen=True):
    """What all entrants of one race share."""

    at: object  # the running stack
    client: object  # of its store
    kind: str
    python: Path
    weights: Path
    folder: Path


def pipeline(
    python: Path, weights: Path, folder: Path, *, rounds: int, events: int, only: list[str]
) -> list[dict[str, str]]:
    """Headlines, each read by the model."""
    _, titles = headlines()
    if len(titles) < WARM_UP + (rounds + 1) * events:
        raise PulsewireError(f"there are {len(titles)} headlines: lower --rounds or --events")
    made = _race(
        "pipeline",
        python,
        weights,
        folder,
        rounds=rounds,
        events=events,
        peers=_chosen(WITH_MODEL, only),
        texts=iter(titles),
    )
    return asyncio.run(made)


def loop(
    python: Path, weights: Path, folder: Path, *, rounds: int, events: int, only: list[str]
) -> list[dict[str, str]]:
    """Views, which no model reads."""
    return asyncio.run(
        _race("loop", python, weights, folder, rounds=rounds, events=events, peers=_chosen(WITHOUT, only), texts=None)
    )


def _chosen(peers, only):
    return [one for one in peers if not only or one.library in only or one.reader in only]


async def _race(what, python, weights, folder, *, rounds, events, peers, texts):
    kind = "user" if texts is None else "news"
    with progress(what) as report:
        async with running() as at:
            client = await connect(at.settings)
            field = Field(at, client, kind, python, weights, folder)
            feed = lambda count, number: list(payloads(kind, texts and list(islice(texts, count)), number, count))  # noqa: E731
            try:
                await _enter(field, peers, feed(WARM_UP, 0), report)
                return await _rounds(
                    what, field, peers, rounds, feed=lambda number: feed(events, number), report=report
                )
            finally:
                await client.close()


async def _enter(field, peers, values, report):
    """Everybody up and warm, one after the other."""
    await _create(field, peers)
    await _timed(field, TOPICS[field.kind], "events", values, WARM_UP)
    for number, peer in enumerate(peers):
        report(0.3 * number / len(peers), f"starting {peer.name}")
        await send(field.at.producer, peer.table, values)
        await field.at.stack.supervisor.add(_part(field, peer))


async def _create(field, peers):
    async with administrator(Kafka.of(field.at.settings), answer_within_s=40) as admin:
        await admin.create_topics([NewTopic(peer.table, PARTITIONS, 1) for peer in peers])
    for peer in peers:
        await field.client.command(MADE, parameters={"table": peer.table})


def _part(field, peer):
    """Its process; ready once the warm-up is in its table."""
    settings = field.at.settings
    argv = {
        "kafka": settings.kafka, "clickhouse": settings.clickhouse, "database": DATABASE,
        "user": settings.clickhouse_user, "topic": peer.table, "table": peer.table, "reader": peer.reader,
        "weights": field.weights, "state": field.folder / peer.table,
    }  # fmt: skip
    env = environment() | {"PYTHONPATH": "", PASSWORD: settings.clickhouse_password.get_secret_value()}

    async def ready():
        return await _stored(field, peer.table) >= WARM_UP

    return Part(
        name=peer.table,
        argv=(str(field.python), str(PROGRAMS / f"with_{peer.library}.py"), *(f"--{k}={v}" for k, v in argv.items())),
        ready=ready,
        env=env,
        ready_within_s=START_WITHIN_S,
        restart=None,
    )


async def _rounds(what, field, peers, rounds, *, feed, report):
    ours, others = Entrant("Pulsewire, all of it"), [Entrant(peer.name, bar=peer.bar) for peer in peers]
    limit = Entrant("bare aiokafka and msgspec, nothing stored")
    sent = WARM_UP
    for number in range(1, rounds + 2):  # the first does not count
        values = feed(number)
        sent += len(values)
        rates = [await _timed(field, TOPICS[field.kind], "events", values, sent)]
        for place, peer in enumerate(peers):
            report(0.3 + 0.7 * (number - 1 + place / len(peers)) / (rounds + 1), peer.name)
            rates.append(await _timed(field, peer.table, peer.table, values, sent))
        if field.kind == "user":
            rates.append(await bare(field.at.settings, field.kind, sent))
        if number > 1:
            for one, rate in zip((ours, *others, limit), rates, strict=False):
                one.rates.append(rate)
    await _check(field, peers, others, sent)
    return rows(what, ours, others + [limit] * (field.kind == "user"))


async def _timed(field, topic, table, values, until):
    """Events a second from the first one sent until the table holds as many rows as were sent to it in all."""
    began = time.perf_counter()
    await send(field.at.producer, topic, values)
    while await _stored(field, table) < until:
        if time.perf_counter() - began > START_WITHIN_S:
            raise PulsewireError(
                f"{table} has {await _stored(field, table)} of {until} rows after {START_WITHIN_S:.0f} s"
            )
        await asyncio.sleep(0.02)
    return len(values) / (time.perf_counter() - began)


async def _stored(field, table):
    return int((await field.client.query(COUNT, parameters={"table": table})).result_rows[0][0])


async def _check(field, peers, others, sent):
    """Every event is in every table, once; and what share of labels is as ours."""
    for table, query in (("events", OURS_ONCE), *((peer.table, ONCE) for peer in peers)):
        (found,) = (await field.client.query(query, parameters={"table": table})).result_rows
        if tuple(found) != (sent, sent):
            raise PulsewireError(f"of {sent} events, {table} has {found[0]} rows with {found[1]} identities")
    if field.kind == "news":
        for peer, other in zip(peers, others, strict=True):
            (found,) = (await field.client.query(AGREE, parameters={"table": peer.table})).result_rows
            other.agrees = found[0]
