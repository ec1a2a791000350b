"""Kafka: is it there, has it our topics, how far behind are the workers."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import TopicPartition

from streams.adapters.broker import administrator
from streams.adapters.topic_log import committed, consumer
from streams.doctor.finding import Finding, fail, ok, warn
from streams.errors import PulsewireError
from streams.settings import Kafka, Settings
from streams.topology import DLQ, RAW, topics

LATE: Final = 10_000  # events behind, in one partition


async def examine(settings: Settings) -> list[Finding]:
    """Reachability, topics, lag, dead letters."""
    try:
        async with administrator(Kafka.of(settings)) as admin:
            cluster = await admin.describe_cluster()
            existing = await admin.describe_topics()
            read = await committed(admin, settings.group)
        ends = await _ends(Kafka.of(settings), existing)
    except PulsewireError as error:
        return [fail("kafka", str(error), "start it (`pulsewire up`), or name another with PULSEWIRE_KAFKA")]
    brokers = [f"{broker['host']}:{broker['port']}" for broker in cluster["brokers"]]
    return [
        ok("kafka", f"{len(brokers)} broker{'s' * (len(brokers) != 1)}: {', '.join(sorted(brokers))}"),
        _topics(existing, settings),
        *_lag({tp: kept.offset for tp, kept in read.items()}, ends, group=settings.group),
        _dead_letters(ends),
    ]


async def _ends(kafka: Kafka, existing: Iterable[Mapping[str, Any]]) -> dict[TopicPartition, int]:
    ours = {*RAW.values(), *DLQ.values()}
    partitions = [
        TopicPartition(topic["topic"], one["partition"])
        for topic in existing
        if topic["topic"] in ours
        for one in topic["partitions"]
    ]
    async with consumer(kafka) as client:
        ends: dict[TopicPartition, int] = await client.end_offsets(partitions) if partitions else {}
        return ends


def _topics(existing: Iterable[Mapping[str, Any]], settings: Settings) -> Finding:
    partitions = {topic["topic"]: len(topic["partitions"]) for topic in existing}
    if missing := sorted(topics().keys() - partitions.keys()):
        return fail("topics", f"missing: {', '.join(missing)}", "run `pulsewire init`")
    others = [f"{name} has {partitions[name]}" for name in sorted(topics()) if partitions[name] != settings.partitions]
    if others:
        advice = "set PULSEWIRE_PARTITIONS to what the topics have: workers reckon with it"
        return warn("topics", f"all {len(topics())} are there, but {', '.join(others)} partitions", advice)
    return ok("topics", f"all {len(topics())} are there, {settings.partitions} partitions each")


def _lag(read: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], *, group: str) -> list[Finding]:
    if not read:
        return [warn("lag", f"group {group} has read nothing yet", "start a worker: `pulsewire worker`")]
    found = []
    for topic in RAW.values():
        behind = {tp.partition: end - max(0, read.get(tp, 0)) for tp, end in ends.items() if tp.topic == topic}
        listed = ", ".join(f"{partition}: {lag:,}" for partition, lag in sorted(behind.items()))
        check, detail = f"lag of {topic}", f"{sum(behind.values()):,} events waiting ({listed})"
        if max(behind.values(), default=0) > LATE:
            found.append(warn(check, detail, "start more workers, up to one a partition"))
        else:
            found.append(ok(check, detail))
    return found


def _dead_letters(ends: Mapping[TopicPartition, int]) -> Finding:
    count = sum(end for tp, end in ends.items() if tp.topic in DLQ.values())
    if count:
        return warn("dead letters", f"{count:,} so far", "see why: `pulsewire dlq list`")
    return ok("dead letters", "none so far")
