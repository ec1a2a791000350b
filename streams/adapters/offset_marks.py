"""Words beside committed offsets: Kafka keeps a string with each, which whoever takes the partition over can read.

All of it runs in the thread of the consumer.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from streams.errors import BrokerAway
from streams.topology import At

Words = Mapping[At, tuple[int, str]]  # an offset and what is committed beside it

WITHIN_S: Final = 5.0
log = logging.getLogger(__name__)


class OffsetMarks:
    """Takes the consumer's commits over: committing the offset that is marked keeps its word, a greater one ends it."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._commit = consumer.commit
        self._words: dict[At, tuple[int, str]] = {}
        self._in_peace: dict[At, tuple[int, str]] = {}
        consumer.commit = self.commit

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """As the consumer's own."""
        told = {}
        for tp, one in offsets.items():
            at = (tp.topic, tp.partition)
            start, word = self._words.get(at, (-1, ""))
            told[tp] = OffsetAndMetadata(one.offset, word if one.offset == start else one.metadata)
        await self._commit(told)
        for tp, one in offsets.items():
            self._end(tp, one.offset)

    async def read(self, ats: Sequence[At]) -> dict[At, str]:
        """The word beside each committed offset, where there is one; none while the broker is away."""
        tps = [TopicPartition(*at) for at in ats]
        try:
            async with asyncio.timeout(WITHIN_S):
                found = await self._consumer._coordinator.fetch_committed_offsets(tps)  # noqa: SLF001 - `committed` tells no words
        except (KafkaError, TimeoutError) as error:
            log.warning("cannot read what was in hand: %s", type(error).__name__)
            return {}
        return {(tp.topic, tp.partition): one.metadata for tp, one in found.items() if one.metadata}

    async def write(self, words: Words, instead_of: Words) -> None:
        """Commit these; `let_go` has it as `instead_of` again."""
        self._words |= words
        self._in_peace |= {at: instead_of[at] for at in words if at in instead_of}
        await self._say(words)
        for at, (_, word) in words.items():
            if not word:
                self._words.pop(at, None)
                self._in_peace.pop(at, None)

    async def hold(self, at: At, offset: int) -> None:
        """Return if the coordinator takes a commit of this partition from us now; `offset` is to be one that is safe.

        It refuses whoever is no member of its latest generation, and who stood still does not know better.

        Raises:
            BrokerAway: it does not, or does not answer.
        """
        tp = TopicPartition(*at)
        if tp not in self._consumer.assignment():
            raise BrokerAway(f"{at[0]}/{at[1]} is being assigned")
        try:
            async with asyncio.timeout(WITHIN_S):
                await self.commit({tp: OffsetAndMetadata(offset, "")})
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            said = type(error).__name__
            raise BrokerAway(f"the group does not confirm that {at[0]}/{at[1]} is ours: {said}") from error

    async def let_go(self) -> None:
        """Nobody died over what is marked."""
        words, self._in_peace, self._words = self._in_peace, {}, {}
        if words:
            await self._say(words)

    def _end(self, tp: TopicPartition, offset: int) -> None:
        at = (tp.topic, tp.partition)
        if at in self._words and offset > self._words[at][0]:
            del self._words[at]
            self._in_peace.pop(at, None)

    async def _say(self, words: Words) -> None:
        assigned = self._consumer.assignment()
        offsets = {
            tp: OffsetAndMetadata(*word) for at, word in words.items() if (tp := TopicPartition(*at)) in assigned
        }
        if not offsets:
            return
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._commit(offsets)
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            log.info("cannot mark what is in hand: %s", type(error).__name__)
