"""The shipped sample, the shipped model, every hop, no broker and no store: its incidents are found, each once."""

import itertools

import msgspec
import pytest

from infra.sample.generate import STRUCK_ACTION, STRUCK_COMPANY, STRUCK_SERVICE, sample_events
from infra.sample.watch import sample_entities
from models.runtime import Classifier
from streams.adapters.fake_alert_store import FakeAlertStore
from streams.adapters.fakes import MemoryEventStore, MemoryPublisher
from streams.adapters.placing import placing
from streams.adapters.reader import ThreadedReader
from streams.agents.alerts import AlertHop
from streams.agents.carry import Patiently
from streams.agents.events import EventHop, Shape
from streams.core.alert import decode_alert
from streams.core.backoff import Backoff
from streams.core.codec import decode_window
from streams.core.decode import Decoder
from streams.core.detect import WATERMARK
from streams.core.entities import WatchList
from streams.core.event import Record
from streams.settings import load_settings
from streams.topology import ALERTS, KINDS, RAW, WINDOWS

T0 = 1_764_000_000_000
PARTITIONS = 4
BATCH = 200


class Line:
    """All hops in one process; the topics are lists."""

    def __init__(self, classifier):
        self.events, self.alerts, self.broker = MemoryEventStore(), FakeAlertStore(), MemoryPublisher()
        watch = WatchList([(entity.name, entity.aliases) for entity in sample_entities()])
        shared = {
            "decoder": Decoder(max_bytes=1 << 20, watch=watch), "reader": ThreadedReader(classifier),
            "store": self.events, "publisher": self.broker, "shape": Shape(window_partitions=PARTITIONS),
            "stop": pytest.fail,
        }  # fmt: skip
        self._hops = {kind: EventHop(kind=kind, **shared) for kind in KINDS}
        self._alerts = AlertHop(
            store=self.alerts, publisher=self.broker, tenure=self, settings=load_settings(partitions=PARTITIONS)
        )
        self._place = placing(PARTITIONS)
        self._offsets = {}
        self._patiently = Patiently("line", Backoff())

    def record(self, topic, key, value, *, partition=None, at_ms=0):
        home = self._place(key) if partition is None else partition
        offset = next(self._offsets.setdefault((topic, home), itertools.count()))
        return Record(topic, home, offset, at_ms, key, value)

    async def holds(self, _at, *, generation):
        return generation == 1

    async def carry(self, kind, records):
        before = len(self.broker.messages)
        await self._hops[kind].process(records, generation=1, patiently=self._patiently)
        rows = [message for message in self.broker.messages[before:] if message.topic == WINDOWS]
        stored = [row for message in rows if (row := decode_window(message.value)).dimension != WATERMARK]
        self.alerts.keep(stored)
        self.alerts.events = list(self.events.events.values())
        windows = [self.record(WINDOWS, one.key, one.value, partition=one.partition) for one in rows]
        await self._alerts.process(windows, generation=1, patiently=self._patiently)

    async def silence(self):
        for now_ms in range(0, 15_000, 2_500):
            await self._alerts.tick(now_ms)

    def told(self):
        return [decode_alert(message.value) for message in self.broker.on(ALERTS)]


@pytest.fixture(scope="module")
def classifier():
    made = Classifier.load(None, threads=1)
    yield made
    made.close()


async def test_the_incidents_of_the_sample_are_found_each_once(classifier):
    line = Line(classifier)
    waiting = {kind: [] for kind in KINDS}
    hour = sample_events()
    for one in sorted((one for kind in KINDS for one in hour[kind]), key=lambda one: one.at_ms):
        value = msgspec.json.encode({**one.row, "ts": T0 + one.at_ms})
        waiting[one.kind].append(line.record(RAW[one.kind], one.key.encode(), value, at_ms=T0 + one.at_ms))
        if len(waiting[one.kind]) == BATCH:
            await line.carry(one.kind, waiting.pop(one.kind))
            waiting[one.kind] = []
    for kind, records in waiting.items():
        await line.carry(kind, records)
    await line.silence()
    told = line.told()
    fired = [(alert.rule, alert.labels["key"]) for alert in told if alert.revision == 1]
    assert len(fired) == len(set(fired))
    assert set(fired) >= {
        ("volume_surge", STRUCK_COMPANY), ("sentiment_drop", STRUCK_COMPANY), ("error_surge", STRUCK_SERVICE),
        ("action_drop", STRUCK_ACTION),
    }  # fmt: skip
    assert all(alert.labels["dimension"] in ("all", "category", "source") for alert in told
               if alert.labels["key"] not in (STRUCK_COMPANY, STRUCK_SERVICE, STRUCK_ACTION))  # fmt: skip
    assert len({alert.fingerprint for alert in told}) == sum(alert.status == "resolved" for alert in told)
    assert all(alert.evidence for alert in told)
