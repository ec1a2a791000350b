"""What must hold after a run, recomputed from the ledger and from Kafka's log alone.

Nothing here comes from `streams`: the names of topics, the identity of an alert, the bound of the samples are written
down again from docs/contract, so that a fault in there cannot hide itself here.
"""

import json
from collections import Counter

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.chaos.audit_alerts import check_alerts
from tests.chaos.audit_samples import check_samples
from tests.chaos.audit_sums import check_sums
from tests.chaos.audit_windows import check_window_topic
from tests.chaos.ledger import DEADLY, TOPICS, Diverged, Entry, Ledger, check, same

KIND_OF = {topic: kind for kind, topic in TOPICS.items()}
SCORED = {kind: f"{kind}.scored" for kind in TOPICS}
READ = (
    *TOPICS.values(),
    *(f"{topic}.dlq" for topic in TOPICS.values()),
    *SCORED.values(),
    "windows",
    "alerts",
    "samples",
)


async def read_log(servers):
    """Everything that the topics hold, topic by topic, in the order of partitions and offsets."""
    log = {topic: [] for topic in READ}
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, max_poll_records=5_000)
    await consumer.start()
    try:
        ats = await _partitions(servers)
        consumer.assign(ats)
        await consumer.seek_to_beginning(*ats)
        ends = await consumer.end_offsets(ats)
        while any([await consumer.position(at) < ends[at] for at in ats]):
            for at, records in (await consumer.getmany(timeout_ms=500)).items():
                log[at.topic] += records
    finally:
        await consumer.stop()
    return {topic: sorted(records, key=lambda r: (r.partition, r.offset)) for topic, records in log.items()}


async def _partitions(servers):
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        told = await admin.describe_topics(list(READ))
    finally:
        await admin.close()
    return [TopicPartition(topic["topic"], one["partition"]) for topic in told for one in topic["partitions"]]


def truth_of(log):
    """The ledger that the raw topics themselves tell, and of the poison among them the bytes and the code."""
    truth, poison = Ledger(), {}
    for topic, kind in KIND_OF.items():
        for record in log[topic]:
            try:
                body = json.loads(record.value)
            except ValueError:
                poison[topic, record.partition, record.offset] = (record.value, "not_json")
                continue
            if DEADLY in str(body):
                poison[topic, record.partition, record.offset] = (record.value, "crashed")
                continue
            truth.entries.append(Entry.of(kind, body, partition=record.partition, offset=record.offset))
    return truth, poison


def audit(ledger, log, query):
    """Hold tables and topics to the ledger and the log; returns what was counted. Raises Diverged."""
    truth, poison = truth_of(log)
    _sent_is_there(ledger, truth, poison)
    check(truth, query)
    check_sums(query)
    _dead_letters(log, poison)
    _scored(log, query)
    check_window_topic(log["windows"], query)
    alerts, surges, told = check_alerts(log["alerts"], truth.entries, query)
    samples, hours = check_samples(log, query)
    windows = query("SELECT count() FROM windows FINAL")[0][0]
    return {
        "events": len(truth.entries), "poison": len(poison), "windows": windows, "alerts": alerts, "samples": samples,
        "hours sampled": hours, "surges": surges, "surges told of": told,
    }  # fmt: skip


def _sent_is_there(ledger, truth, poison):
    """Everything that the broker acknowledged is in its log, where it said."""
    there = {(e.kind, e.partition, e.offset): e for e in truth.entries}
    same(
        "log",
        {(e.kind, e.partition, e.offset): e for e in ledger.entries},
        {at: there.get(at) for at in ((e.kind, e.partition, e.offset) for e in ledger.entries)},
    )
    found = Counter(topic for topic, _, _ in poison)
    if any(found[topic] < count for topic, count in ledger.poison.items()):
        raise Diverged(f"poison in the log: sent {dict(ledger.poison)}, found {dict(found)}", what="log")


def _dead_letters(log, poison):
    """Each poison event at its topic, as it came, with its code; a repeat bears the same identity, and nothing else."""
    found = {}
    for topic in TOPICS.values():
        for record in log[f"{topic}.dlq"]:
            said = {name: value.decode() for name, value in record.headers}
            at = (said["pw-topic"], int(said["pw-partition"]), int(said["pw-offset"]))
            found[at] = (record.value, said["pw-error"])
    same("dead letters", poison, found)


_STORED = "SELECT topic, partition, offset, event_id, sentiment, category, severity FROM events FINAL"


def _scored(log, query):
    """Each event is on its topic, in every repeat with the findings that the table has."""
    found = {}
    for topic in SCORED.values():
        for record in log[topic]:
            one = json.loads(record.value)
            said = (one["event_id"], one["sentiment"], one["category"], one["severity"])
            at = (one["topic"], one["partition"], one["offset"])
            if found.setdefault(at, said) != said:
                raise Diverged(f"scored: {at} was published as {found[at]} and as {said}", what="scored", at=at)
    same("scored topics against events", {tuple(row[:3]): tuple(row[3:]) for row in query(_STORED)}, found)
