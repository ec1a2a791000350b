"""Brings dead letters back to where they came from, or takes them out for repair. What was handled is remembered."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Final, TextIO

import msgspec

from streams.adapters.replay_memory import ReplayMemory, sent_since
from streams.adapters.topic_log import consumer, extents, partitions_of, read
from streams.core.dead_letters import DeadLetter, again, dead_letter_of, from_line, replayed_from, to_line
from streams.core.event import Rejected
from streams.core.message import Outgoing
from streams.errors import PulsewireError
from streams.ports import Publisher
from streams.settings import Kafka
from streams.topology import DLQ, MEBI

BATCH: Final = 200
BATCH_BYTES: Final = 4 * MEBI
Sink = Callable[[Sequence[DeadLetter]], Awaitable[None]]


class Choice(msgspec.Struct, frozen=True):
    """Which dead letters are meant. An empty error is any."""

    topics: tuple[str, ...]  # dead-letter topics
    error: str = ""
    limit: int | None = None

    def __call__(self, letter: DeadLetter) -> bool:
        return self.error in ("", letter.error) and letter.topic in DLQ


async def dead_letters(
    kafka: Kafka, topics: Collection[str], *, newest: int | None = None
) -> AsyncIterator[DeadLetter]:
    """Every record that these dead-letter topics hold now, or of each partition the newest so many.

    Raises:
        BrokerAway: Kafka does not answer.
    """
    partitions = await partitions_of(kafka, topics)
    async with consumer(kafka) as client:
        stretches = await extents(client, partitions)
        if newest is not None:
            stretches = {tp: (max(start, end - newest), end) for tp, (start, end) in stretches.items()}
        async for record in read(client, stretches):
            yield dead_letter_of(record)


class Unhandled:
    """Which dead letters wait still. Of several of one record one does, and none that is here in part only."""

    def __init__(self, memory: ReplayMemory, handled: set[bytes]) -> None:
        self._memory = memory
        self._handled = handled

    @classmethod
    async def of(
        cls, kafka: Kafka, topics: Collection[str], memory: ReplayMemory, *, newest: int | None = None
    ) -> "Unhandled":
        """Read the topics, or the newest so many of each partition, once.

        Which of several of one record comes first is not known, nor where the others lie.
        """
        letters = dead_letters(kafka, topics, newest=newest)
        return cls(memory, {one.identity async for one in letters if not await memory.waits(one) or memory.sent(one)})

    async def __call__(self, letter: DeadLetter) -> bool:
        """Asked of each letter once; true for those, too, that a replay that was cut off had sent."""
        if letter.cut or not await self._memory.waits(letter):
            return False
        if self._memory.sent(letter):
            return True
        fresh = letter.identity not in self._handled
        self._handled.add(letter.identity)
        return fresh


async def waiting(kafka: Kafka, choice: Choice, memory: ReplayMemory) -> AsyncIterator[DeadLetter]:
    """The dead letters that are meant and were not handled yet, or were sent by a replay that was cut off."""
    count, unhandled = 0, await Unhandled.of(kafka, choice.topics, memory)
    async for letter in dead_letters(kafka, choice.topics):
        if choice(letter) and await unhandled(letter):
            yield letter
            count += not memory.sent(letter)
            if count == choice.limit:
                return


async def handle(
    kafka: Kafka, choice: Choice, memory: ReplayMemory, *, sink: Sink, advance: Callable[[int], None]
) -> int:
    """Give every waiting dead letter to the sink, in batches, and remember them; returns how many."""
    total = 0
    async for batch in _batches(waiting(kafka, choice, memory)):
        fresh = [letter for letter in batch if not memory.sent(letter)]
        await memory.begin(batch, now_ms=time.time_ns() // 1_000_000)
        await sink(fresh)
        await memory.done(batch)
        total += len(fresh)
        advance(len(fresh))
    return total


def back_to_topic(publisher: Publisher) -> Sink:
    """A sink that sends each to the topic that it came from."""

    async def send(letters: Sequence[DeadLetter]) -> None:
        await publisher.publish([again(letter) for letter in letters])

    return send


def into_file(path: Path) -> Sink:
    """A sink that writes each as a line, and returns when they are on the disk.

    Raises:
        PulsewireError: the file cannot be made, or is there already.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PulsewireError(f"{path} cannot be made: {error.strerror}") from None

    async def write(letters: Sequence[DeadLetter]) -> None:
        with open(fd, "ab", closefd=False) as file:  # noqa: ASYNC230 - small, and nobody else waits
            file.writelines(to_line(letter) + b"\n" for letter in letters)
            file.flush()
        os.fsync(fd)

    return write


def repaired(path: Path) -> list[Outgoing]:
    """The messages of a file of repaired dead letters.

    Raises:
        PulsewireError: a line cannot be read; the message names it.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise PulsewireError(f"{path} cannot be read: {error.strerror}") from None
    messages = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            message = from_line(line)
            if isinstance(message, Rejected):
                raise PulsewireError(f"{path}, line {number}: {message.detail}; nothing was sent")
            messages.append(message)
    return messages


async def send_repaired(
    kafka: Kafka, messages: Sequence[Outgoing], *, journal: Path, publisher: Publisher, advance: Callable[[int], None]
) -> int:
    """Send what `journal` does not list as sent; returns how many.

    Raises:
        PulsewireError: the journal cannot be read or written, or is none.
    """
    done = await _sent_before(kafka, _lines(journal))
    left = [message for message in messages if replayed_from(message.headers) not in done]
    if not left:
        return 0
    with _opened(journal) as file:
        for start in range(0, len(left), BATCH):
            batch = left[start : start + BATCH]
            _note(file.fileno(), [f"since {time.time_ns() // 1_000_000}"])
            await publisher.publish(batch)
            _note(file.fileno(), [*(replayed_from(message.headers) or "" for message in batch), "done"])
            advance(len(batch))
    return len(left)


def _lines(journal: Path) -> list[str]:
    try:
        return journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    except OSError as error:
        raise PulsewireError(f"{journal} cannot be read: {error.strerror}; it notes what was sent") from None
    except UnicodeDecodeError:
        raise PulsewireError(f"{journal} is no note of what was sent; move it away to send all of the file") from None


def _opened(journal: Path) -> TextIO:
    try:
        return journal.open("a", encoding="utf-8")
    except OSError as error:
        raise PulsewireError(f"{journal} cannot be written: {error.strerror}; it is to note what was sent") from None


async def _sent_before(kafka: Kafka, lines: list[str]) -> set[str]:
    """The positions that a journal lists as sent. Where it breaks off, the raw topics tell."""
    begun = [number for number, line in enumerate(lines) if line.startswith("since ")]
    done = set(lines)
    if begun and "done" not in lines[begun[-1] :]:
        said = lines[begun[-1]].removeprefix("since ")  # or what of it came to the disk
        done |= await sent_since(kafka, set(DLQ), since_ms=int(said) if said.isdecimal() else 0)
    return done


def _note(fd: int, lines: list[str]) -> None:
    os.write(fd, "".join(f"{line}\n" for line in lines).encode())
    os.fsync(fd)


async def _batches(letters: AsyncIterator[DeadLetter]) -> AsyncIterator[list[DeadLetter]]:
    batch: list[DeadLetter] = []
    size = 0
    async for letter in letters:
        batch.append(letter)
        size += len(letter.record.value or b"")
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
