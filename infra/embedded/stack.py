"""The embedded stack: a broker and a store, ready to be used, as one context."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from infra.embedded.folder import Folder
from infra.embedded.jars import default_cache, ensure_jars
from infra.embedded.kafka import kafka_part
from infra.embedded.ports import LOOPBACK, choose_port
from infra.embedded.store import clickhouse_part
from infra.embedded.supervisor import Supervisor, together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType


class Addresses(msgspec.Struct, frozen=True):
    """Where the stack answers."""

    kafka: str  # '127.0.0.1:19092'
    clickhouse: str  # 'http://127.0.0.1:18123'


class Stack:
    """Kafka and ClickHouse over one data folder, from `async with` to its end.

    A port of 0 is any free one. Raises `StackError` with one clear line when something stands in the way.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        kafka_port: int = 0,
        clickhouse_port: int = 0,
        controller_port: int = 0,
        say: Callable[[str], None] = print,
        store_env: Mapping[str, str] | None = None,
    ) -> None:
        self._data_dir = Path(data_dir)
        self._wanted = (kafka_port, controller_port, clickhouse_port)
        self._say = say
        self._store_env = store_env or {}
        self._exit = AsyncExitStack()
        self.addresses: Addresses
        self.supervisor: Supervisor

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            folder = await Folder.own(self._data_dir, say=self._say)
            opened.callback(folder.close)
            kafka, controller, clickhouse = self._choose_ports()
            self.supervisor = Supervisor(folder.path / "logs", say=self._say, hold=(folder.lock_fd,))
            opened.push_async_callback(self.supervisor.close)
            await together(
                self._start_kafka(folder.path / "kafka", kafka, controller),
                self.supervisor.add(clickhouse_part(folder.path / "clickhouse", clickhouse, env=self._store_env)),
            )
            self.addresses = Addresses(kafka=f"{LOOPBACK}:{kafka}", clickhouse=f"http://{LOOPBACK}:{clickhouse}")
            self._exit = opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    def _choose_ports(self) -> tuple[int, int, int]:
        kafka, controller, clickhouse = self._wanted
        return (
            choose_port(kafka, "Kafka"),
            choose_port(controller, "Kafka's controller"),
            choose_port(clickhouse, "ClickHouse"),
        )

    async def _start_kafka(self, folder: Path, port: int, controller_port: int) -> None:
        given_up = threading.Event()
        try:
            jars = await asyncio.to_thread(ensure_jars, default_cache(), say=self._say, given_up=given_up)
        except asyncio.CancelledError:
            given_up.set()  # a thread cannot be cancelled, and the program ends only with it
            raise
        await self.supervisor.add(await kafka_part(folder, jars, port=port, controller_port=controller_port))
