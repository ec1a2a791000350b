"""The composition root: the only place that builds.

A worker is a Faust app with four agents, one for each raw topic and one for `windows`, over one classifier, one store
client and one producer.
"""

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

import faust
from clickhouse_connect.driver.asyncclient import AsyncClient
from faust.types import TP

from models.runtime import Classifier
from streams.adapters import metrics
from streams.adapters.alert_store import ClickHouseAlertStore
from streams.adapters.broker import our_topics
from streams.adapters.clickhouse import connect
from streams.adapters.event_store import ClickHouseEventStore
from streams.adapters.faust_app import ConsumerMarks, new_app
from streams.adapters.heap import keep_little
from streams.adapters.probes import Probes
from streams.adapters.publisher import KafkaPublisher
from streams.adapters.reader import Blocking, ThreadedReader
from streams.adapters.topic_log import LogEnds, log_ends
from streams.agents.alerts import AlertHop
from streams.agents.carry import Carrier, Patiently, Waiting
from streams.agents.consume import consume
from streams.agents.events import EventHop, Shape
from streams.agents.in_hand import InHand
from streams.agents.overlap import Overlapping
from streams.agents.watchdog import Progress, Watchdog
from streams.core import dlq_limit
from streams.core.backoff import Backoff
from streams.core.decode import Decoder
from streams.core.dlq_limit import DlqLimit
from streams.core.entities import WatchList
from streams.errors import BrokerAway
from streams.settings import Kafka, Settings
from streams.topology import KINDS, RAW, WINDOWS, At, Kind

log = logging.getLogger(__name__)

WATCH_EVERY_S = 3.0
FINISH_WITHIN_S = 4.0  # a batch lasts a second or two, and whoever ends us waits for ten
STALL_PATIENCE_S = 120.0
PARTITION_PATIENCE_S = 600.0
EXIT_STALLED = 70  # EX_SOFTWARE: whoever supervises us starts us anew


class Worker:
    """One worker's parts. `open` makes them, `run` hands them to Faust, and it closes them when Faust is done."""

    def __init__(self, settings: Settings, *, load: Callable[..., Blocking] = Classifier.load) -> None:
        self._settings = settings
        self._load = load
        self._kafka = Kafka.of(settings)
        self._carriers: list[Carrier] = []
        self._starting = Patiently("start", Backoff(cap_s=3.0))
        self._broker = Waiting("kafka")
        self._ticking = Patiently("alert-clock", Backoff())
        self._watchdog = Watchdog(patience_s=STALL_PATIENCE_S, partition_patience_s=PARTITION_PATIENCE_S)
        self._probes = Probes(self._unready, host=settings.metrics_host, port=settings.metrics_port)
        self._joined = False

    def run(self) -> NoReturn:
        """Work until a signal comes; leaves the process with Faust's exit code."""
        keep_little()
        loop = _new_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self.open())
        worker = faust.Worker(
            self._app, loop=loop, loglevel=self._settings.log_level, redirect_stdouts=False, quiet=True
        )
        worker.spinner = None
        worker.execute_from_commandline()
        raise SystemExit(0)  # Faust has left with its own code; this tells the type checker

    async def open(self) -> None:
        """Build everything, waiting for the broker and the store.

        Raises:
            PulsewireError: something is wrong that waiting does not mend.
        """
        settings = self._settings
        self.port = await self._probes.start()
        self._classifier = await asyncio.to_thread(
            self._load, settings.bundle, threads=settings.threads, cache=settings.answers_kept
        )
        self._classifier.cache.told = metrics.remembered
        self._store: AsyncClient = await self._starting(lambda: connect(settings))
        partitions = await self._starting(lambda: our_topics(self._kafka))
        self._publisher = KafkaPublisher(self._kafka, client_id=f"{settings.group}-worker")
        self._build(window_partitions=partitions[WINDOWS])

    def _build(self, *, window_partitions: int) -> None:
        # What the topic really has counts, not what `init` would give it
        settings = self._settings.model_copy(update={"partitions": window_partitions})
        self._app = app = new_app(settings)
        app.on_stopping, app.on_stopped = self._finish, self.close
        self._marks = ConsumerMarks(app)
        self._in_hand = InHand(
            self._marks, generation=lambda: app.consumer_generation_id, at_once=settings.batch_size,
            tries=settings.crash_tries,
        )  # fmt: skip
        watch = WatchList([(entity.name, entity.aliases) for entity in settings.entities])
        decoder = Decoder(max_bytes=settings.max_event_bytes, watch=watch)
        store = ClickHouseEventStore(self._store)
        shape = _shape(settings)
        self._hops = [
            EventHop(
                kind=kind,
                decoder=decoder,
                reader=self._reader(kind),
                store=store,
                publisher=self._publisher,
                shape=shape,
                stop=self._stop,
            )
            for kind in KINDS
        ]
        for kind, hop in zip(KINDS, self._hops, strict=True):
            self._consume(RAW[kind], Overlapping(kind, hop))
        alerts = ClickHouseAlertStore(self._store)
        self._alerts = AlertHop(store=alerts, publisher=self._publisher, tenure=self._marks, settings=settings)
        self._consume(WINDOWS, Carrier("alerts", self._alerts))
        app.task(self._watch)
        app.task(self._tick)

    def _reader(self, kind: Kind) -> ThreadedReader:
        return ThreadedReader(self._classifier, lane=kind)

    def _consume(self, topic: str, carrier: Carrier) -> None:
        self._carriers.append(carrier)
        for patiently in carrier.patience:
            patiently.before_waiting = self._marks.take_back
        consume(self._app, topic=topic, carrier=carrier, in_hand=self._in_hand, settings=self._settings)

    async def _stop(self, why: str) -> NoReturn:
        """End at once, so that nothing more is stored, sent or acknowledged."""
        await self._marks.take_back()
        log.error("%s", why)
        os._exit(dlq_limit.EXIT)

    async def _finish(self) -> None:
        """Have what was begun stored, told and acknowledged, unless that takes long: it is begun anew then."""
        await self._in_hand.end(within_s=FINISH_WITHIN_S)

    async def close(self) -> None:
        """Let go, leaving samples of the stretches that are still running."""
        with contextlib.suppress(Exception):  # what is not picked now is picked by whoever goes on
            async with asyncio.timeout(5):
                for hop in self._hops:
                    await hop.close()
        await self._publisher.close()
        await self._store.close()
        await self._probes.stop()
        self._classifier.close()

    async def _tick(self) -> None:
        """Let idle partitions no longer hold alerts back."""
        while not self._app.should_stop:
            await asyncio.sleep(self._settings.idle_after_ms / 4_000)
            await self._ticking(lambda: self._alerts.tick(time.time_ns() // 1_000_000))

    async def _watch(self) -> None:
        async with log_ends(self._kafka) as ends:
            while not self._app.should_stop:
                await asyncio.sleep(WATCH_EVERY_S)
                try:
                    self._judge(await self._progress(ends))
                except BrokerAway as trouble:
                    self._broker.away(trouble)
                else:
                    self._broker.back()

    async def _progress(self, ends: LogEnds) -> dict[At, Progress]:
        consumer = self._app.consumer
        assigned: set[TP] = consumer.assignment()
        # One more than there are partitions gets none, and stands by: it is as ready as it can be
        self._joined = self._joined or self._app.consumer_generation_id > 0
        found = {}
        for at, end in (await ends([(tp.topic, tp.partition) for tp in assigned])).items():
            done = consumer.done(TP(*at))
            if done is not None:
                found[at] = Progress(end, done)
        return found

    def _judge(self, progress: Mapping[At, Progress]) -> None:
        waiting = any(wait.reason for wait in self._waits())
        metrics.LAG.clear()  # a partition that was taken from us is told of by who has it
        for (topic, partition), one in progress.items():
            metrics.LAG.labels(topic, partition).set(one.lag)
        if what := self._watchdog.stalled(now_s=time.monotonic(), progress=progress, waiting=waiting):
            log.error("stalled: %s has events and none of them was done for long; ending", what)
            os._exit(EXIT_STALLED)

    def _waits(self) -> list[Waiting]:
        carriers = [one.waiting for carrier in self._carriers for one in carrier.patience]
        return [self._broker, self._starting.waiting, self._ticking.waiting, *carriers]

    def _unready(self) -> Mapping[str, str]:
        waiting = {wait.name: wait.reason for wait in self._waits() if wait.reason}
        if not self._carriers:
            waiting.setdefault("start", "loading the model")
        elif not self._joined:
            waiting.setdefault("kafka", "not in the group yet")
        return waiting


def _shape(settings: Settings) -> Shape:
    return Shape(
        sizes=settings.window_seconds,
        lateness_ms=settings.lateness_ms,
        tick_ms=settings.alert_window_seconds * 1_000,
        sample_every_ms=settings.sample_every_seconds * 1_000,
        sample_size=settings.sample_size,
        sample_share=settings.sample_share,
        window_partitions=settings.partitions,
        dlq_limit=DlqLimit(settings.dlq_limit_share, settings.dlq_limit_window),
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - it is not to be had everywhere

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
