"""Faust, kept thin: how its app is set up for us, and the faults of it that we mend.

Faust (0.15.3, its issue 606) can commit past an event that is still in flight: with 2585 committed next, 2585 in
flight and 2586 to 2589 acknowledged, it commits 2590. It acknowledges events that it skips in a rebalance, where its
iterator is not compiled. And it takes an offset without a record for one that is still to come. `GapSafeConsumer`
keeps its own account of what was delivered and what is done, and commits by that alone.

It can end a rebalance in the middle of the next: it asks which generation is in force, seeks, which takes a while, and
lets records flow, whatever has begun meanwhile. Those are the next generation's, and are cleared away when that one is
let flow in its turn. `Resumption` asks at the end. And where nothing was assigned, Faust stops no flow for a rebalance.

Faust makes an event of each message, at 70 to 130 us. Here it makes one of each `Parcel`: what one fetch brought of one
partition.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import OffsetResetStrategy
from aiokafka.errors import KafkaConnectionError
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Producer, Transport
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams import faults
from streams.adapters.header_names import forgive_header_names
from streams.adapters.offset_marks import OffsetMarks, Words
from streams.core.deliveries import Deliveries
from streams.core.event import Record
from streams.errors import BrokerAway
from streams.settings import Kafka, Settings
from streams.topology import DAY_MS, MEBI, At

LONGEST_WAIT_S = 14 * DAY_MS // 1_000
TRY_AGAIN_S: Final = 1.0
NOTICED_MS: Final = 30_000  # until a topic's new partition is
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
        self.rejoining = True  # between a generation and the next

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
        fetched, _ = await self._wait_next_records(timeout)
        if not fetched or self.should_stop:
            return
        if not self.flow_active:  # a rebalance: what was fetched is fetched again
            await self.perform_seek()
            return
        generation = self.app.consumer_generation_id
        # All of it at once: what is fetched and does not get to its agent must hold commits up
        for parcel in [self._parcel(tp, records) for tp, records in fetched.items()]:
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            yield parcel.tp, parcel

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Nothing flows from here on until the next assignment is let flow."""
        self.rejoining = True
        self.stop_flow()
        self.app.flow_control.suspend()
        await super().on_partitions_revoked(revoked)
        faults.at("revoked")

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """As Faust's."""
        self.rejoining = False
        await super().on_partitions_assigned(assigned, generation_id)

    def done(self, tp: TP) -> int | None:
        """The first offset that is not done with: of what was delivered, or what is fetched next; None while unknown.

        It does not wait. Faust's `position` does: for the end of a rebalance, in one of the thread's two places, as a
        fetch does in the other, and the end of the rebalance waits for a place.
        """
        delivered_in, deliveries = self._deliveries.get(tp, (None, None))
        waiting: int | None = deliveries.waiting if deliveries is not None else None
        if waiting is not None and delivered_in == self.app.consumer_generation_id:
            return waiting
        return self.marks.fetched_to(tp)

    def safe(self, tp: TP) -> int | None:
        """Where it can be committed without passing what is not done: None if that is not known."""
        offset = self._new_offset(tp) if tp in self._deliveries else None
        return self.marks.began.get(tp) if offset is None else offset

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
        """Where words beside the offsets are read and written; it asks the broker for us."""
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
    """Reads committed records alone: what a producer's transaction took back is no event. Headers may have any names.

    It commits words beside the offsets, too, and takes them back before it leaves the group in peace.
    """

    _marks: OffsetMarks
    began: Mapping[TP, int] = {}  # where each partition was committed when it was assigned; 0: nowhere

    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        forgive_header_names()
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

    def fetched_to(self, tp: TP) -> int | None:
        """The offset that is fetched next, or None while it is not known."""
        subscription = self._consumer._subscription.subscription  # noqa: SLF001 - `position` waits
        assignment = subscription.assignment if subscription else None
        state = assignment.state_value(TopicPartition(tp.topic, tp.partition)) if assignment else None
        return state.position if state and state.has_valid_position else None

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        """Read from the committed offsets on, or from the beginning where there is none; None for those.

        aiokafka's own leaves a partition without a commit where it is, past what was fetched of it, and asks for one
        offset after the other.
        """
        committed: Mapping[TP, int | None] = await self.call_thread(self._seek_to_committed)
        return committed

    async def _seek_to_committed(self) -> Mapping[TP, int | None]:
        consumer = self._consumer
        subscription = consumer._subscription.subscription  # noqa: SLF001 - see below
        assignment = subscription.assignment if subscription else None
        if not assignment:
            return {}
        tps = list(assignment.tps)
        found = await consumer._coordinator.fetch_committed_offsets(tps)  # noqa: SLF001 - all of them in one request
        if not assignment.active:  # whoever is assigned them next begins where they are committed
            return {}
        committed = {TP(*tp): found[tp].offset if tp in found else None for tp in tps}
        self.began = {tp: offset or 0 for tp, offset in committed.items()}
        for tp in found:
            consumer.seek(tp, found[tp].offset)
        if never := [tp for tp in tps if tp not in found]:
            # Not waited for, as `seek_to_beginning` does
            consumer._fetcher.request_offset_reset(never, OffsetResetStrategy.EARLIEST)  # noqa: SLF001
        return committed

    async def read_marks(self, ats: Sequence[At]) -> dict[At, str]:
        """See `agents.in_hand.Marks`."""
        found: dict[At, str] = await self.call_thread(self._marks.read, ats)
        return found

    async def mark(self, words: Words, *, instead_of: Words) -> None:
        """See `agents.in_hand.Marks`."""
        await self.call_thread(self._marks.write, words, instead_of)

    async def hold(self, at: At, offset: int) -> None:
        """See `OffsetMarks.hold`."""
        await self.call_thread(self._marks.hold, at, offset)

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
    """`agents.in_hand.Marks` and `agents.alerts.Tenure` by the consumer of an app."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

    async def read_marks(self, ats: Sequence[At]) -> dict[At, str]:
        """See `agents.in_hand.Marks`."""
        found: dict[At, str] = await self._app.consumer.marks.read_marks(ats)
        return found

    async def mark(self, words: Words, *, generation: int, instead_of: Words) -> None:
        """See `agents.in_hand.Marks`. Never past what is not done: the word then stands at an offset before."""
        if generation == self._app.consumer_generation_id:
            await self._app.consumer.marks.mark(self._safe(words), instead_of=self._safe(instead_of))

    async def holds(self, at: At, *, generation: int) -> bool:
        """See `agents.alerts.Tenure`."""
        consumer = self._app.consumer
        if generation != self._app.consumer_generation_id:
            return False
        if consumer.rejoining or (safe := consumer.safe(TP(*at))) is None:
            raise BrokerAway("the group is assigning its partitions anew")
        await consumer.marks.hold(at, safe)
        return bool(generation == self._app.consumer_generation_id)

    def _safe(self, words: Words) -> Words:
        known = {at: self._app.consumer.safe(TP(*at)) for at in words}
        return {
            at: (min(offset, safe), word) for at, (offset, word) in words.items() if (safe := known[at]) is not None
        }

    def end(self, at: At) -> int:
        """See `agents.in_hand.Marks`."""
        consumer, tp = self._app.consumer, TP(*at)
        return consumer.highwater(tp) or 0 if tp in consumer.assignment() else 0

    async def take_back(self) -> None:
        """See `agents.in_hand.Marks`."""
        await self._app.consumer.marks.take_back()


class Resumption(Recovery):  # type: ignore[misc]
    """What Faust does after a rebalance. Without tables there is nothing to recover but the flow."""

    async def _resume_streams(self, generation_id: int = 0) -> None:
        app, consumer = self.app, self.app.consumer
        await app.on_rebalance_complete.send()
        assignment = consumer.assignment()
        if assignment:
            consumer.resume_partitions(assignment)
            await self._wait(consumer.perform_seek())
        if consumer.rejoining or generation_id != app.consumer_generation_id:
            return  # what comes after it is let flow
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        app.on_rebalance_end()
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        await app._fetcher.maybe_start()  # noqa: SLF001 - as Faust does


class NoTables(TableManager):  # type: ignore[misc]
    """Faust's, with our way to go on after a rebalance."""

    _recovery: Resumption | None

    @property
    def recovery(self) -> Resumption:
        """It."""
        if self._recovery is None:
            self._recovery = Resumption(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class Idle(Producer):  # type: ignore[misc]
    """Faust's producer, which nothing here produces with: it needs no broker to start."""

    async def on_start(self) -> None:
        """Connect to nothing."""


class GapSafeTransport(Transport):  # type: ignore[misc]
    """Faust's transport with our consumer."""

    Consumer = GapSafeConsumer
    Producer = Idle


class StreamApp(faust.App):  # type: ignore[misc]
    """Faust's app on our transport.

    `on_stopping` is awaited when nothing more is fetched, agents still run and what they finish is committed;
    `on_stopped` when nothing consumes any more.
    """

    on_stopping: Callable[[], Awaitable[None]] | None = None
    on_stopped: Callable[[], Awaitable[None]] | None = None

    async def on_first_start(self) -> None:
        """No tables, hence no folders of theirs."""

    async def on_shutdown(self) -> None:
        """Agents and tasks have ended: until then they need what is closed here, or fail for want of it."""
        await super().on_shutdown()
        if self.on_stopped is not None:
            await self.on_stopped()

    async def _consumer_wait_empty(self, consumer: Any, logger: Any) -> None:
        """Faust's place to wait for its agents, in a rebalance, where nobody has to wait, and before it ends them."""
        del consumer, logger
        if self.should_stop and self.on_stopping is not None:
            await self.on_stopping()

    def _new_transport(self) -> GapSafeTransport:
        return GapSafeTransport(self.conf.broker_consumer, self)


def new_app(settings: Settings) -> StreamApp:
    """An app without agents."""
    kafka = Kafka.of(settings)
    return StreamApp(
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
        consumer_metadata_max_age_ms=NOTICED_MS,
        consumer_max_fetch_size=MEBI,  # of a partition, and held until an agent takes it; what is larger comes alone
        broker_max_poll_records=FETCHED,
        broker_commit_interval=1.0,
        # A store may be away for days. Who left the group for having waited too long would not come back to it.
        broker_max_poll_interval=float(LONGEST_WAIT_S),
        broker_session_timeout=settings.session_timeout_ms / 1_000,
        broker_heartbeat_interval=settings.session_timeout_ms / 4_000,
        broker_request_timeout=max(30.0, settings.session_timeout_ms / 1_000),
        agent_supervisor="mode.supervisors.CrashingSupervisor",
        TableManager=NoTables,
    )


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
