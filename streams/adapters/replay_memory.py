"""What was replayed already, kept in Kafka: committed offsets of one group for each error code.

1. A group's offset in a partition of a dead-letter topic stands after the last record with that code that was handled.
   One group a code, so that replaying one kind of fault leaves all others waiting.
2. While a replay runs, the commits carry the time of its start. Where one is found, a replay was cut off, and what it
   sent since then is read back from the raw topics (`pw-replayed-from`): nothing is sent twice.
3. Offsets of a group without members live as long after their commit as records do (7 days): a record is gone before
   it is forgotten.
"""

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streams.adapters.broker import administrator
from streams.adapters.topic_log import committed, consumer, partitions_of, read
from streams.core.dead_letters import DeadLetter, replayed_from
from streams.settings import Kafka

GROUP: Final = "pulsewire-dlq-replay"
CLOCK_MARGIN_MS: Final = 60_000  # the broker's clock may not be ours


class ReplayMemory:
    """Tells which dead letters wait, and remembers those that do no more."""

    def __init__(self, kafka: Kafka, *, forget: bool = False) -> None:
        self._kafka = kafka
        self._forget = forget
        self._handled: dict[str, dict[TopicPartition, int]] = {}  # as committed, by code
        self._writers: dict[str, AIOKafkaConsumer] = {}
        self._open = AsyncExitStack()
        self._sent: set[str] = set()

    async def __aenter__(self) -> Self:
        self._admin = await self._open.enter_async_context(administrator(self._kafka))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def waits(self, letter: DeadLetter) -> bool:
        """Whether nothing notes that it was handled; `sent` may know better."""
        if letter.error not in self._handled:
            await self._recall(letter.error)
        record = letter.record
        handled = self._handled[letter.error].get(TopicPartition(record.topic, record.partition), 0)
        return self._forget or record.offset >= handled

    def sent(self, letter: DeadLetter) -> bool:
        """Whether a replay that was cut off had sent it; asked after `waits`."""
        return letter.position in self._sent

    async def begin(self, letters: Iterable[DeadLetter], *, now_ms: int) -> None:
        """Note that these are about to be sent."""
        first: dict[tuple[str, TopicPartition], int] = {}
        for letter in letters:
            tp = TopicPartition(letter.record.topic, letter.record.partition)
            first.setdefault((letter.error, tp), letter.record.offset)
        await self._commit(first, note=str(now_ms))

    async def done(self, letters: Iterable[DeadLetter]) -> None:
        """Note that these were sent, in order."""
        after: dict[tuple[str, TopicPartition], int] = {}
        for letter in letters:
            tp = TopicPartition(letter.record.topic, letter.record.partition)
            after[letter.error, tp] = letter.record.offset + 1
        await self._commit(after, note="")

    async def _recall(self, code: str) -> None:
        known = await committed(self._admin, _group(code))
        self._handled[code] = {tp: kept.offset for tp, kept in known.items()}
        noted = [int(kept.metadata) for kept in known.values() if kept.metadata.isdigit()]
        if noted and not self._forget:
            self._sent |= await sent_since(self._kafka, {_raw(tp.topic) for tp in known}, since_ms=min(noted))

    async def _commit(self, offsets: Mapping[tuple[str, TopicPartition], int], *, note: str) -> None:
        by_code: dict[str, dict[TopicPartition, Any]] = {}
        for (code, tp), offset in offsets.items():
            before = self._handled.get(code, {}).get(tp, 0)  # what was handled stays so when some of it is sent again
            by_code.setdefault(code, {})[tp] = OffsetAndMetadata(max(offset, before), note)
        for code, commits in by_code.items():
            writer = await self._writer(code)
            writer.assign(list(commits))
            writer.pause(*commits)  # it is here to commit, not to fetch
            await writer.commit(commits)

    async def _writer(self, code: str) -> AIOKafkaConsumer:
        if code not in self._writers:
            self._writers[code] = await self._open.enter_async_context(consumer(self._kafka, group_id=_group(code)))
        return self._writers[code]


async def sent_since(kafka: Kafka, topics: set[str], *, since_ms: int) -> set[str]:
    """The positions of all dead letters that came back to these raw topics since then."""
    partitions = await partitions_of(kafka, topics)
    async with consumer(kafka) as client:
        found = await client.offsets_for_times(dict.fromkeys(partitions, max(0, since_ms - CLOCK_MARGIN_MS)))
        ends = await client.end_offsets(partitions)
        stretches = {tp: (at.offset, ends[tp]) for tp, at in found.items() if at is not None}
        return {position async for record in read(client, stretches) if (position := replayed_from(record.headers))}


def _group(code: str) -> str:
    return f"{GROUP}.{code}"


def _raw(dlq: str) -> str:
    return dlq.removesuffix(".dlq")
