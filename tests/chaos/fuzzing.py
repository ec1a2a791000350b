"""Sends what the fuzzer makes through the real broker, worker and store, and holds the outcome to account.

An account has one byte and one digest for each offset, so that a million of events take some 10 MB.
"""

import hashlib
from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.adapters.header_names import forgive_header_names
from tests.chaos.broken_names import NAME, READ, breaking
from tests.chaos.ledger import SIZES
from tests.chaos.mutations import PARTITIONS, TOPICS, inputs
from tests.chaos.oracle import CODES, STORED, allowed

OUTCOMES = ("", STORED, *CODES)  # by the number that stands for it
AT_ONCE = 2_000
LARGEST = 16 * 1_048_576  # that Kafka takes, compressed
CUT = 1_048_576
CODECS = (None, "gzip", "snappy", "lz4", "zstd")
SHOWN = 10
DLQ_HEADERS = ("pw-topic", "pw-partition", "pw-offset", "pw-error", "pw-detail", "pw-at")


class Unaccounted(AssertionError):  # noqa: N818 - it says what is so
    """Some record is not where it has to be."""


@dataclass
class Ways:
    """The sets of outcomes that were expected, each under a number."""

    sets: list = field(default_factory=list)
    numbers: dict = field(default_factory=dict)

    def number(self, outcomes):
        if outcomes not in self.numbers:
            self.numbers[outcomes] = len(self.sets)
            self.sets.append(outcomes)
        return self.numbers[outcomes]


@dataclass
class Account:
    """One partition: for each offset what may become of it, what it was, and what became of it."""

    expected: bytearray = field(default_factory=bytearray)
    digests: array = field(default_factory=lambda: array("Q"))
    found: bytearray = field(default_factory=bytearray)
    wrong: list = field(default_factory=list)  # (offset, what)

    def sent(self, base, expected, digests):
        """The broker put these at `base` and after."""
        if base != len(self.expected):
            raise Unaccounted(f"the broker put records at {base}, where {len(self.expected)} was next")
        self.expected += bytes(expected)
        self.digests.extend(digests)
        self.found += bytes(len(expected))

    def stored(self, offset):
        """It stands in `events`."""
        self._mark(offset, STORED)

    def dead(self, offset, *, code, digest):
        """It lies on the dead-letter topic."""
        if code not in OUTCOMES[2:]:
            self.wrong.append((offset, f"the code {code!r} is not known"))
            return
        self._mark(offset, code)
        if offset < len(self.digests) and self.digests[offset] != digest:
            self.wrong.append((offset, f"key, value or headers changed on the way to the dead letters, as {code}"))

    def _mark(self, offset, outcome):
        if not 0 <= offset < len(self.found):
            self.wrong.append((offset, f"{outcome}, though nothing was sent there"))
        elif self.found[offset]:
            self.wrong.append((offset, f"{OUTCOMES[self.found[offset]]} and {outcome}"))
        else:
            self.found[offset] = OUTCOMES.index(outcome)

    def verdict(self, ways):
        """All that is wrong: (offset, what)."""
        wrong = list(self.wrong)
        for offset, (expected, found) in enumerate(zip(self.expected, self.found, strict=True)):
            outcomes = ways.sets[expected]
            if OUTCOMES[found] not in outcomes:
                wrong.append((offset, f"{OUTCOMES[found] or 'lost'}, expected {' or '.join(sorted(outcomes))}"))
        return sorted(wrong)


class Ledger:
    """All partitions."""

    def __init__(self):
        self.ways = Ways()
        self.accounts = {(topic, at): Account() for topic in TOPICS.values() for at in range(PARTITIONS)}
        self.made = Counter()

    @property
    def events(self):
        return sum(len(one.expected) for one in self.accounts.values())

    @property
    def exact(self):
        """The share of which one outcome was expected."""
        single = [len(outcomes) == 1 for outcomes in self.ways.sets]
        return sum(single[way] for one in self.accounts.values() for way in one.expected) / max(1, self.events)

    def counts(self):
        """What became of the events: topic -> outcome -> number."""
        found = {topic: Counter() for topic in TOPICS.values()}
        for (topic, _), one in self.accounts.items():
            for number, outcome in enumerate(OUTCOMES):
                found[topic][outcome] += one.found.count(number)
        return found

    def verdict(self):
        """All that is wrong: (topic, partition, offset, what)."""
        return [(*at, *wrong) for at, one in self.accounts.items() for wrong in one.verdict(self.ways)]


def digest(key, value, headers):
    """64 bits of what has to come through unchanged; headers that are ours are left out."""
    kept = [(name, said or b"") for name, said in headers if not name.startswith("pw-")]
    raw = hashlib.blake2b(repr((key, len(value or b""), kept)).encode(), digest_size=8)
    raw.update(value if value is not None else b"\x00none")
    return int.from_bytes(raw.digest(), "little")


async def send(servers, ledger, *, seed, count):
    """Send them, in whole batches, compressed in each way in turn."""
    producers = [_producer(servers, codec) for codec in CODECS]
    made = inputs(seed, count)
    try:
        for one in producers:
            await one.start()
        for number in range(0, count, AT_ONCE):
            at = number // AT_ONCE % len(CODECS)
            await _Lot(producers[at], ledger, breaks=CODECS[at] is None).send(islice(made, AT_ONCE))
    finally:
        for one in producers:
            await one.stop()


def _producer(servers, codec):
    return AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, compression_type=codec,
        max_batch_size=1_048_576, max_request_size=LARGEST,
    )  # fmt: skip


class _Lot:
    """Some records on their way, in batches; where nothing is compressed, header names are broken."""

    def __init__(self, producer, ledger, *, breaks):
        self._producer, self._ledger, self._breaks = producer, ledger, breaks
        self._batches, self._notes, self._waiting = {}, {}, []

    async def send(self, some):
        """Return once the broker has all of them, so that offsets are in the order of sending."""
        for one in some:
            at = TOPICS[one.kind], one.partition
            record = {"key": one.key, "value": one.value, "timestamp": None, "headers": list(one.headers)}
            if at not in self._batches or self._batches[at].append(**record) is None:
                if at in self._batches:
                    await self._away(at)
                self._batches[at] = self._producer.create_batch()
                self._batches[at].append(**record)
            self._notes.setdefault(at, []).append(self._note(one))
            self._ledger.made[one.made] += 1
        for at in list(self._batches):
            await self._away(at)
        for at, noted, acknowledged in self._waiting:
            self._ledger.accounts[at].sent((await acknowledged).offset, *zip(*noted, strict=True))

    def _note(self, one):
        headers = one.headers
        if self._breaks and any(name == NAME for name, _ in headers):
            headers = tuple((READ if name == NAME else name, said) for name, said in headers)
        key, value = one.key, one.value
        if len(key or b"") + len(value or b"") > LARGEST:  # where they begin is what its dead letter keeps
            key, value, headers = key and key[:CUT], value[:CUT], ()
        return _expected(one, self._ledger.ways), digest(key, value, headers)

    async def _away(self, at):
        batch = breaking(self._batches.pop(at)) if self._breaks else self._batches.pop(at)
        acknowledged = await self._producer.send_batch(batch, at[0], partition=at[1])
        self._waiting.append((at, self._notes.pop(at), acknowledged))


def _expected(one, ways):
    sure = frozenset((one.sure,)) if one.sure else None
    return ways.number(sure or allowed(one.kind, key=one.key, value=one.value, headers=one.headers))


def read_stored(ledger, query):
    """Note what stands in `events`; a row that stands twice is seen twice."""
    for (topic, partition), account in ledger.accounts.items():
        for (offset,) in query(
            f"SELECT offset FROM events FINAL WHERE topic = '{topic}' AND partition = {partition} ORDER BY offset"
        ):
            account.stored(offset)


async def read_dead_letters(ledger, servers):
    """Note what lies on the dead-letter topics."""
    ats = [TopicPartition(f"{topic}.dlq", partition) for topic in TOPICS.values() for partition in range(PARTITIONS)]
    async for record in _read(servers, ats):
        said = {name: value.decode() for name, value in record.headers if name in DLQ_HEADERS}
        at = said.get("pw-topic"), int(said.get("pw-partition", -1))
        if at not in ledger.accounts:
            raise Unaccounted(f"{record.topic}/{record.partition}/{record.offset} says that it comes from {at}")
        whole = digest(record.key, record.value, record.headers)
        ledger.accounts[at].dead(int(said["pw-offset"]), code=said.get("pw-error"), digest=whole)


async def bytes_of(servers, topic, partition, offset):
    """What the raw topic holds there, shortened."""
    at = TopicPartition(topic, partition)
    async for record in _read(servers, [at], first=offset):
        value = record.value
        shown = repr(value[:200]) if value is not None else "none"
        more = f" ... of {len(value)} bytes" if value is not None and len(value) > 200 else ""
        return f"key {record.key!r:.60}, headers {record.headers!r:.200}, value {shown}{more}"
    return "nothing is there"


async def _read(servers, ats, *, first=0):
    forgive_header_names()
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, max_poll_records=2_000)
    await consumer.start()
    try:
        consumer.assign(ats)
        for at in ats:
            consumer.seek(at, first)
        ends = await consumer.end_offsets(ats)
        while any([await consumer.position(at) < ends[at] for at in ats]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()


COUNTED = "SELECT topic, window_seconds, sum(events) FROM windows FINAL WHERE dimension = 'all' GROUP BY ALL"


def check_windows(ledger, query):
    """Windows of each size count every stored event of a topic, and nothing else has windows."""
    counts = ledger.counts()
    stored = {(topic, seconds): found[STORED] for topic, found in counts.items() for seconds in SIZES if found[STORED]}
    counted = {(topic, seconds): events for topic, seconds, events in query(COUNTED)}
    for at in sorted(stored.keys() | counted.keys()):
        wanted, found = stored.get(at, 0), counted.get(at, 0)
        if wanted != found:
            raise Unaccounted(f"windows of {at[1]} s count {found} events of {at[0]}, events has {wanted}")


async def tell(wrong, servers):
    """Raises what is wrong, with the bytes of the first of it."""
    lines = [f"{len(wrong)} records are not where they have to be"]
    for topic, partition, offset, what in wrong[:SHOWN]:
        lines += [f"  {topic}/{partition}/{offset}: {what}", f"    {await bytes_of(servers, topic, partition, offset)}"]
    raise Unaccounted("\n".join(lines))
