"""Workers with one protection switched off: the harness has to find each of them out, or it proves nothing.

They exist in the test worker alone (tests/chaos/worker.py); the program has no such switch.
"""

import faust

import streams.app
from streams.adapters import faust_app
from streams.adapters.event_store import ClickHouseEventStore
from streams.agents import consume as consuming
from streams.agents.alerts import AlertHop
from streams.agents.events import EventHop
from streams.core import window
from streams.ports import Restored


def counted_offsets():
    """An event at or below `last_offset` is counted again."""
    add = window._Tally.add

    def add_always(self, scored):
        self.last_offset = min(self.last_offset, scored.event.offset - 1)
        add(self, scored)

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

    def consume(app: faust.App, *, topic, carrier, settings, positions):
        async def agent(stream):
            batches = stream.noack().noack_take(settings.batch_size, within=settings.batch_within_ms / 1_000)
            async for batch in batches:
                generation = app.consumer_generation_id
                events = [event for event in batch if event.message.generation_id == generation]
                for event in events:
                    app.consumer.finish(event.message)
                    positions[event.message.topic, event.message.partition] = event.message.offset + 1
                if events:
                    await carrier.carry([consuming.record_of(e.message) for e in events], generation=generation)

        agent.__name__ = f"consume_{topic.replace('.', '_')}"
        source = app.topic(topic, key_serializer="raw", value_serializer="raw", value_type=bytes, key_type=bytes)
        app.agent(source, name=agent.__name__, concurrency=1)(agent)
        return agent

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


def gap():
    """Faust's own account of what may be committed."""

    class FaustsOwn(faust_app.Consumer):
        def finish(self, message):
            super().ack(message)

        def _new_consumer_thread(self):
            return faust_app.CommittedThread(self, loop=self.loop, beacon=self.beacon)

    faust_app.GapSafeTransport.Consumer = FaustsOwn


def alert_order():
    """An alert goes to the table before the topic."""

    async def tell(self, share):
        if share.outbox:
            alerts = [await self._with_evidence(alert) for alert in share.outbox]
            await self._store.write(alerts)
            streams.agents.alerts.faults.at("alerts.insert")
            messages = [
                streams.agents.alerts.Outgoing(
                    "alerts", one.fingerprint.encode(), streams.agents.alerts.encode_alert(one)
                )
                for one in alerts
            ]
            await self._publisher.publish(messages)
            share.outbox.clear()

    AlertHop._tell = tell


MUTANTS = {
    mutant.__name__: mutant
    for mutant in (counted_offsets, restore, late_rows, acknowledgement, generation, gap, alert_order)
}
