"""Faust, kept thin: how its app is set up for us, and the one fault of it that we mend.

Faust (0.15.3, its issue 606) can commit past an event that is still in flight: with 2585 committed next, 2585 in
flight and 2586 to 2589 acknowledged, it commits 2590. `GapSafeConsumer` commits only what is acknowledged without a
hole from the committed offset on.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

from streams.settings import Kafka, Settings
from streams.topology import MAX_MESSAGE_BYTES, MEBI


class GapSafeConsumer(Consumer):  # type: ignore[misc]
    """Never commits past an offset that is not acknowledged."""

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked or self._hole_before(tp, min(acked)):
            return None
        offset: int | None = super()._new_offset(tp)
        return offset

    def _hole_before(self, tp: TP, lowest: int) -> bool:
        committed = self._committed_offset[tp]
        if committed is None:
            return any(message.tp == tp and message.offset < lowest for message in list(self._unacked_messages))
        # Offsets that Kafka itself has nothing at (compacted, or a transaction's marker) are kept in `_gap`
        return any(not self._gap[tp].overlaps_point(offset) for offset in range(committed, lowest))

    def _new_consumer_thread(self) -> "CommittedThread":
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)


class CommittedThread(AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads committed records alone: what a producer's transaction took back is no event."""

    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - Faust has no setting for it
        return consumer


class GapSafeTransport(Transport):  # type: ignore[misc]
    """Faust's transport with our consumer."""

    Consumer = GapSafeConsumer


class StreamApp(faust.App):  # type: ignore[misc]
    """Faust's app on our transport; `on_stopped` is awaited when nothing consumes any more."""

    on_stopped: Callable[[], Awaitable[None]] | None = None

    async def on_first_start(self) -> None:
        """No tables, hence no folders of theirs."""

    async def on_stop(self) -> None:
        await super().on_stop()
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
        stream_buffer_maxsize=4 * settings.batch_size,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=MAX_MESSAGE_BYTES + MEBI,
        broker_max_poll_records=500,
        broker_commit_interval=1.0,
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
