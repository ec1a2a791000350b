"""What must hold after a run, recomputed from the ledger and from Kafka's log alone.

Nothing here comes from `streams`: the names of topics, the identity of an alert, the bound of the samples are written
down again from docs/contract, so that a fault in there cannot hide itself here.
"""

import hashlib
import json
from collections import Counter, defaultdict

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.chaos.audit_samples import check_samples
from tests.chaos.audit_windows import check_window_topic
from tests.chaos.ledger import DEADLY, TOPICS, Diverged, Entry, Ledger, check, keys_of, same
from tests.chaos.moments import rfc3339

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
            keys = keys_of(kind, body)
            truth.entries.append(Entry(kind, body["id"], body["ts"], keys, record.partition, record.offset))
    return truth, poison


def audit(ledger, log, query):
    """Hold tables and topics to the ledger and the log; returns what was counted. Raises Diverged."""
    truth, poison = truth_of(log)
    _sent_is_there(ledger, truth, poison)
    check(truth, query)
    _dead_letters(log, poison)
    _scored(log, query)
    check_window_topic(log["windows"], query)
    alerts = _alerts(log, query)
    samples, hours = check_samples(log, query)
    windows = query("SELECT count() FROM windows FINAL")[0][0]
    return {
        "events": len(truth.entries), "poison": len(poison), "windows": windows, "alerts": alerts, "samples": samples,
        "hours sampled": hours,
    }  # fmt: skip


def _sent_is_there(ledger, truth, poison):
    """Everything that the broker acknowledged is in its log, where it said."""
    there = {(e.kind, e.partition, e.offset): e.id for e in truth.entries}
    same(
        "log",
        {(e.kind, e.partition, e.offset): e.id for e in ledger.entries},
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


_ALERTS = (
    "SELECT id, fingerprint, toUnixTimestamp64Milli(starts_at), revision, status, rule, kind, dimension, key, evidence"
    " FROM alerts FINAL ORDER BY fingerprint, starts_at, revision"
)


def _alerts(log, query):
    """Topic and table hold the same ones, under ids that are unique and what they are made of; revisions count 1, 2, 3
    and end with `resolved`; of a fingerprint one incident at most is open; what fires shows its events."""
    rows = query(_ALERTS)
    told = {}
    for record in log["alerts"]:
        alert = json.loads(record.value)
        told[alert["id"]] = (alert["fingerprint"], alert["revision"], alert["status"])
    same("alerts topic against alerts", {row[0]: (row[1], row[3], row[4]) for row in rows}, told)
    if len({row[0] for row in rows}) != len(rows):
        raise Diverged("alerts: an id stands twice", what="alerts")
    incidents = defaultdict(list)
    positions = set(map(tuple, query("SELECT topic, partition, offset FROM events FINAL")))
    for row in rows:
        incidents[row[1], row[2]].append(row)
        _identity(row)
        evidence = json.loads(row[9])
        lost = [one for one in evidence if (one["topic"], one["partition"], one["offset"]) not in positions]
        if lost or (row[4] == "firing" and not evidence):
            raise Diverged(f"alerts: {row} shows {lost or 'nothing'}", what="alerts", at=row[1])
    for at, revisions in incidents.items():
        numbers, states = [row[3] for row in revisions], [row[4] for row in revisions]
        if numbers != list(range(1, len(numbers) + 1)) or "resolved" in states[:-1]:
            raise Diverged(f"alerts: incident {at} has revisions {numbers}, {states}", what="alerts", at=at[0])
    _one_at_a_time(incidents)
    return len(rows)


def _one_at_a_time(incidents):
    starts = defaultdict(list)
    for (fingerprint, start_ms), revisions in incidents.items():
        starts[fingerprint].append((start_ms, revisions[-1][4]))
    for fingerprint, several in starts.items():
        if "firing" in [status for _, status in sorted(several)[:-1]]:
            raise Diverged(f"alerts: {fingerprint} has several open: {sorted(several)}", what="alerts", at=fingerprint)


def _identity(row):
    name, fingerprint, start_ms, revision, _, rule, kind, dimension, key, _ = row
    wanted = _digest(rule, kind, dimension, key)[:16]
    if (fingerprint, name) != (wanted, _digest(wanted, rfc3339(start_ms), str(revision))[:32]):
        raise Diverged(f"alerts: {row[:9]} is not named after what it is", what="alerts", at=fingerprint)


def _digest(*parts):
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
