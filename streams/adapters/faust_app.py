"""Faust, kept thin: how its app is set up for us, and the faults of it that we mend.

Faust (0.15.3, its issue 606) can commit past an event that is still in flight: with 2585 committed next, 2585 in
flight and 2586 to 2589 acknowledged, it commits 2590. It acknowledges events that it skips in a rebalance, where its
iterator is not compiled. And it takes an offset without a record for one that is still to come. `GapSafeConsumer`
keeps its own account of what was delivered and what is done, and commits by that alone.

Faust makes an event of each message, at 70 to 130 us. Here it makes one of each `Parcel`: what one fetch brought of one
partition.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Final

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalStateError, KafkaConnectionError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Producer, Transport
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.adapters.offset_marks import OffsetMarks, Words
from streams.core.deliveries import Deliveries
from streams.core.event import Record
from streams.settings import Kafka, Settings
from streams.topology import DAY_MS, MAX_MESSAGE_BYTES, MEBI, At

LONGEST_WAIT_S = 14 * DAY_MS // 1_000
TRY_AGAIN_S: Final = 1.0
FETCHED: Final = 500  # records of one fetch, at most
PARCELS: Final = 32  # that wait for an agent, before its partitions are fetched no more

log = logging.getLogger(__name__)


class Parcel(ConsumerMessage):  # type: ignore[misc]
    """Records of one partition, in order, as one message of Faust's; its offset is that of the last."""

    records: Sequence[Record]


class GapSafeConsumer(Consumer):  # type: ignore[misc]
    """Commits what was delivered and finished without a hole, and nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deliveries: dict[TP, tuple[int, Deliveries]] = {}  # each of one generation

    def finish(self, record: Record, *, generation: int) -> None:
        """This record of a parcel of this generation is done with: it may be committed when all before it are."""
        delivered_in, deliveries = self._deliveries.get(TP(record.topic, record.partition), (None, None))
        if deliveries is not None and generation == delivered_in:
            deliveries.finish(record.offset)

    def ack(self, message: Any) -> bool:
        """Faust's own acknowledgements, of what it skips too, count for nothing: see `finish`."""
        del message
        return False

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Parcel]]:  # noqa: ASYNC109 - its signature
        """What the next fetch brings, a parcel for each partition: Faust's method but for that."""
        fetched, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if fetched is None or self.should_stop:
            return
        if not self.flow_active:  # a rebalance: what was fetched is fetched again
            with contextlib.suppress(
                IllegalStateError
            ):  # taken from us meanwhile: who has it begins where it is committed
                await self.perform_seek()
            return
        for tp, records in fetched.items():
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            if active is None or tp in active or tp in self._buffered_partitions:
                yield tp, self._parcel(tp, records)

    def _parcel(self, tp: TP, fetched: Sequence[Any]) -> Parcel:
        generation, last = self.app.consumer_generation_id, fetched[-1]
        delivered_in, deliveries = self._deliveries.get(tp, (None, None))
        if deliveries is None or delivered_in != generation:
            deliveries = Deliveries()
            self._deliveries[tp] = generation, deliveries
        parcel = Parcel(
            tp.topic, tp.partition, last.offset, last.timestamp / 1_000, last.timestamp_type, (), None, b"", None,
            tp=tp, generation_id=generation,
        )  # fmt: skip
        parcel.records = [_record(one) for one in fetched]
        for record in parcel.records:
            deliveries.deliver(record.offset)
        return parcel

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._deliveries) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        generation, deliveries = self._deliveries[tp]
        return deliveries.committable if generation == self.app.consumer_generation_id else None

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets without a record need no account: see `Deliveries`."""

    def _new_consumer_thread(self) -> "CommittedThread":
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def marks(self) -> "CommittedThread":
        """Where words beside the offsets are read and written."""
        thread: CommittedThread = self._thread
        return thread


def _record(fetched: Any) -> Record:
    """What aiokafka fetched, as a record of ours."""
    headers = fetched.headers
    return Record(
        fetched.topic,
        fetched.partition,
        fetched.offset,
        fetched.timestamp,
        fetched.key,
        fetched.value,
        tuple([(name, bytes(value or b"")) for name, value in headers]) if headers else (),
    )


class CommittedThread(AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads committed records alone: what a producer's transaction took back is no event.

    It commits words beside the offsets, too, and takes them back before it leaves the group in peace.
    """

    _marks: OffsetMarks

    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - Faust has no setting for it
        self._marks = OffsetMarks(consumer)
        return consumer

    async def on_start(self) -> None:
        """As Faust's, but a broker that went away since it was last asked is waited for."""
        while True:
            try:
                await super().on_start()
            except KafkaConnectionError as error:
                await self._consumer.stop()
                log.warning("the broker is away: %s", error)
                await asyncio.sleep(TRY_AGAIN_S)
                if not self.should_stop:
                    continue
            return

    async def read_marks(self, ats: Sequence[At]) -> dict[At, str]:
        """See `agents.in_hand.Marks`."""
        found: dict[At, str] = await self.call_thread(self._marks.read, ats)
        return found

    async def mark(self, words: Words, *, instead_of: Words) -> None:
        """See `agents.in_hand.Marks`."""
        await self.call_thread(self._marks.write, words, instead_of)

    async def take_back(self) -> None:
        """See `agents.in_hand.Marks`."""
        await self.call_thread(self._marks.let_go)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """They are let go of in peace."""
        await self._marks.let_go()
        await super().on_partitions_revoked(revoked)

    async def on_thread_stop(self) -> None:
        """So are they in the end."""
        if self._consumer is not None:
            await self._marks.let_go()
        await super().on_thread_stop()


class ConsumerMarks:
    """`agents.in_hand.Marks` by the consumer of an app."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

    async def read_marks(self, ats: Sequence[At]) -> dict[At, str]:
        """See `agents.in_hand.Marks`."""
        found: dict[At, str] = await self._app.consumer.marks.read_marks(ats)
        return found

    async def mark(self, words: Words, *, generation: int, instead_of: Words) -> None:
        """See `agents.in_hand.Marks`."""
        if generation == self._app.consumer_generation_id:
            await self._app.consumer.marks.mark(words, instead_of=instead_of)

    def end(self, at: At) -> int:
        """See `agents.in_hand.Marks`."""
        consumer, tp = self._app.consumer, TP(*at)
        return consumer.highwater(tp) or 0 if tp in consumer.assignment() else 0

    async def take_back(self) -> None:
        """See `agents.in_hand.Marks`."""
        await self._app.consumer.marks.take_back()


class Idle(Producer):  # type: ignore[misc]
    """Faust's producer, which nothing here produces with: it needs no broker to start."""

    async def on_start(self) -> None:
        """Connect to nothing."""


class GapSafeTransport(Transport):  # type: ignore[misc]
    """Faust's transport with our consumer."""

    Consumer = GapSafeConsumer
    Producer = Idle


class StreamApp(faust.App):  # type: ignore[misc]
    """Faust's app on our transport; `on_stopped` is awaited when nothing consumes any more."""

    on_stopped: Callable[[], Awaitable[None]] | None = None

    async def on_first_start(self) -> None:
        """No tables, hence no folders of theirs."""

    async def on_shutdown(self) -> None:
        """Agents and tasks have ended: until then they need what is closed here, or fail for want of it."""
        await super().on_shutdown()
        if self.on_stopped is not None:
            await self.on_stopped()

    def _new_transport(self) -> GapSafeTransport:
        return GapSafeTransport(self.conf.broker_consumer, self)


def new_app(settings: Settings, *, on_stopped: Callable[[], Awaitable[None]] | None = None) -> StreamApp:
    """An app without agents."""
    kafka = Kafka.of(settings)
    app = StreamApp(
        settings.group,
        broker=";".join(f"kafka://{server.strip()}" for server in kafka.servers.split(",")),
        broker_credentials=_credentials(kafka),
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=False,
        stream_buffer_maxsize=PARCELS,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=MAX_MESSAGE_BYTES + MEBI,
        broker_max_poll_records=FETCHED,
        broker_commit_interval=1.0,
        # A store may be away for days. Who left the group for having waited too long would not come back to it.
        broker_max_poll_interval=float(LONGEST_WAIT_S),
        broker_session_timeout=settings.session_timeout_ms / 1_000,
        broker_heartbeat_interval=settings.session_timeout_ms / 4_000,
        broker_request_timeout=max(30.0, settings.session_timeout_ms / 1_000),
        agent_supervisor="mode.supervisors.CrashingSupervisor",
    )
    app.on_stopped = on_stopped
    return app


def _credentials(kafka: Kafka) -> Any:
    context = kafka.tls()
    if kafka.security.startswith("SASL"):
        return faust.SASLCredentials(
            username=kafka.user,
            password=kafka.password.get_secret_value(),
            mechanism=kafka.mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None
