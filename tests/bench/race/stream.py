"""Events a second from topic to table: ours and the peers' programs, each a process, in turn in every round.

Every entrant has a topic of its own with the same partitions, and gets the same events in the same order. The clock
runs from the first event sent until the store counts all of them in the entrant's table.
"""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import psutil
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
from tests.bench.race.environment import PROGRAMS, environment, versions
from tests.bench.race.score import Entrant, rows
from tests.bench.race.terms import Terms

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
BYTEWAX = [("bytewax", "bytewax")] if "bytewax" in versions() else []  # not every Python can have it
WITHOUT = [Peer(library, "none", name) for library, name in (FAUST, QUIX, FASTSTREAM, *BYTEWAX)]


class Field(msgspec.Struct, frozen=True):
    """What all entrants of one race share."""

    terms: Terms
    at: Any  # the running stack, with our worker
    client: Any  # of its store
    kind: str
    texts: Iterator[str] | None

    def feed(self, count: int, number: int) -> list[bytes]:
        """So many events that no entrant has seen."""
        texts = None if self.texts is None else list(islice(self.texts, count))
        return list(payloads(self.kind, texts, number, count))


def pipeline(terms: Terms) -> list[dict[str, str]]:
    """Headlines, each read by the model."""
    _, titles = headlines()
    if len(titles) < WARM_UP + (terms.rounds + 1) * terms.count:
        raise PulsewireError(f"there are {len(titles)} headlines: lower --rounds or --events")
    return asyncio.run(_race("pipeline", terms, WITH_MODEL, "news", texts=iter(titles)))


def loop(terms: Terms) -> list[dict[str, str]]:
    """Views, which no model reads."""
    return asyncio.run(_race("loop", terms, WITHOUT, "user"))


async def _race(what, terms, peers, kind, *, texts=None):
    peers = [one for one in peers if not terms.only or one.library in terms.only or one.reader in terms.only]
    with progress(what) as report:
        async with running() as at:
            client = await connect(at.settings)
            try:
                field = Field(terms, at, client, kind, texts)
                await _enter(field, peers, report)
                return await _rounds(what, field, peers, report)
            finally:
                await client.close()


async def _enter(field, peers, report):
    """Everybody up and warm, one after the other."""
    values = field.feed(WARM_UP, 0)
    await _create(field, peers)
    await _ran(field, TOPICS[field.kind], "events", values, WARM_UP, used=field.at.cpu_s)
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
        "weights": field.terms.weights, "state": field.terms.folder / peer.table,
    }  # fmt: skip
    env = environment() | {"PYTHONPATH": "", PASSWORD: settings.clickhouse_password.get_secret_value()}

    async def ready():
        return await _stored(field, peer.table) >= WARM_UP

    return Part(
        name=peer.table,
        argv=(
            str(field.terms.python),
            str(PROGRAMS / f"with_{peer.library}.py"),
            *(f"--{k}={v}" for k, v in argv.items()),
        ),
        ready=ready,
        env=env,
        ready_within_s=START_WITHIN_S,
        restart=None,
    )


async def _rounds(what, field, peers, report):
    ours, others = Entrant("Pulsewire, all of it"), [Entrant(peer.name, bar=peer.bar) for peer in peers]
    limit = Entrant("bare aiokafka and msgspec, nothing stored")
    sent = WARM_UP
    for number in range(1, field.terms.rounds + 2):  # the first does not count
        values = field.feed(field.terms.count, number)
        sent += len(values)
        took = [await _ran(field, TOPICS[field.kind], "events", values, sent, used=field.at.cpu_s)]
        for place, peer in enumerate(peers):
            report(0.3 + 0.7 * (number - 1 + place / len(peers)) / (field.terms.rounds + 1), peer.name)
            used = _processor(field.at.stack.supervisor.pids()[peer.table])
            took.append(await _ran(field, peer.table, peer.table, values, sent, used=used))
        if field.kind == "user":
            limit.rates += [await bare(field.at.settings, field.kind, sent)] if number > 1 else []
        if number > 1:
            for one, each in zip((ours, *others), took, strict=True):
                one.ran(len(values), **each)
    await _check(field, peers, others, sent)
    return rows(what, ours, others + [limit] * (field.kind == "user"))


async def _ran(field, topic, table, values, until, *, used):
    """What it took from the first one sent until the table holds as many rows as were sent to it in all."""
    began, before = time.perf_counter(), used()
    await send(field.at.producer, topic, values)
    while await _stored(field, table) < until:
        if time.perf_counter() - began > START_WITHIN_S:
            raise PulsewireError(f"{table} lacks {until - await _stored(field, table)} of {until} rows")
        await asyncio.sleep(0.02)
    return {"seconds": time.perf_counter() - began, "processor_s": used() - before}


def _processor(pid):
    """What a process has used of it so far, in seconds."""
    process = psutil.Process(pid)
    return lambda: process.cpu_times().user + process.cpu_times().system


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
