"""Workers with one protection switched off: the harness has to find each of them out, or it proves nothing.

They exist in the test worker alone (tests/chaos/worker.py); the program has no such switch.
"""

import fcntl
import os
from pathlib import Path
from urllib.parse import urlsplit

import clickhouse_connect
import faust

import streams.app
from streams.adapters import faust_app
from streams.adapters.alert_store import ClickHouseAlertStore
from streams.adapters.event_store import ClickHouseEventStore
from streams.agents import consume as consuming
from streams.agents.alerts import AlertHop
from streams.agents.carry import Patiently
from streams.agents.events import EventHop
from streams.agents.intake import Intake
from streams.core import window
from streams.core.deliveries import Deliveries
from streams.ports import Restored


def counted_offsets():
    """An event at or below `last_offset` is counted again."""
    add = window._Tally.add

    def add_always(self, one):
        self.last_offset = min(self.last_offset, one.offset - 1)
        add(self, one)

    window._Tally.add = add_always


def restore():
    """A new generation begins with nothing instead of the stored rows."""

    async def nothing(self, kind, topic, partition, *, lateness_ms):
        return Restored(None, ())

    ClickHouseEventStore.restore = nothing


def late_rows():
    """A late event finds no stored row of its window."""

    async def nothing(self, kind, topic, partition, windows):
        return []

    ClickHouseEventStore.rows_of = nothing


def acknowledgement():
    """A batch is acknowledged before it is stored."""

    take = Intake.take

    def consume(app: faust.App, *, topic, carrier, in_hand, settings):
        async def take_and_acknowledge(self, size):
            batch = await take(self, size)
            for record in batch.records:
                app.consumer.finish(record, generation=batch.generation)
            return batch

        Intake.take = take_and_acknowledge
        return consuming.consume(app, topic=topic, carrier=carrier, in_hand=in_hand, settings=settings)

    streams.app.consume = consume


def generation():
    """State outlives the assignment that it was made for."""
    prepare, process = EventHop.prepare, AlertHop.process

    async def prepare_as_ever(self, records, *, generation):
        self._generation = generation
        return await prepare(self, records, generation=generation)

    async def process_as_ever(self, records, *, generation, patiently):
        self._generation = generation
        await process(self, records, generation=generation, patiently=patiently)

    EventHop.prepare, AlertHop.process = prepare_as_ever, process_as_ever


def fetched():
    """What was fetched is committed, done or not, as consumers with automatic commits do."""
    Deliveries.committable = property(lambda self: self._last + 1 if self._last >= 0 else None)


def untold():
    """Alerts that were stored and not told before a crash are taken for told."""

    async def none(self, kind):
        return []

    ClickHouseAlertStore.untold = none


def untold_samples():
    """Samples that were stored and not told before a crash are taken for told."""

    async def none(self, stretch):
        return []

    ClickHouseEventStore.untold_samples = none


def marks():
    """What was in hand when a process ended is not looked at."""

    async def none(self, ats):
        return {}

    faust_app.ConsumerMarks.read_marks = none


def patience():
    """A transport that is away is taken for a fault of the batch."""

    async def at_once(self, operation):
        return await operation()

    Patiently.__call__ = at_once


def newest():
    """Of two rows of a window the one that was stored last holds, be it a zombie's that counts less."""
    store = urlsplit(os.environ["PULSEWIRE_CLICKHOUSE"])
    with (Path(os.environ["PULSEWIRE_DATA_DIR"]) / "newest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers start together
        client = clickhouse_connect.get_client(
            host=store.hostname, port=store.port, username="pulsewire", database="pulsewire"
        )
        ((made,),) = client.query("SHOW CREATE TABLE windows").result_rows
        if "ReplacingMergeTree(last_offset)" in made:
            plain = made.replace("ReplacingMergeTree(last_offset)", "ReplacingMergeTree")
            client.command(plain.replace("pulsewire.windows", "pulsewire.windows_newest", 1))
            client.command("EXCHANGE TABLES windows AND windows_newest")
        client.close()


ALL = (
    counted_offsets, restore, late_rows, acknowledgement, generation, fetched, untold, untold_samples, marks, patience,
    newest,
)  # fmt: skip
MUTANTS = {mutant.__name__: mutant for mutant in ALL}
