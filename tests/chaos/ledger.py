"""A producer that keeps a ledger, and a checker that recomputes from the ledger what the tables must hold.

Neither shares a line with `streams`: a fault in there cannot hide itself here.
"""

import asyncio
import hashlib
import json
import random
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer

TOPICS = {"news": "news.raw", "logs": "logs.raw", "user": "user.events"}
SIZES = (60, 3600)
MINUTE_MS = 60_000
DEADLY = "whoever reads this ends"
HEADLINES = (
    "Profit of {c} beats forecasts", "{c} recalls {n} cars", "Shares of {c} fall after warning", "{c}季度利润增长{n}%",
    "{c} names new chief executive", "Regulator fines {c} {n} million", "{c}遭监管部门调查", "Rates stay, {c} says",
)  # fmt: skip
LINES = (
    "GET /items/{n} took {n} ms", "payment {n} accepted", "cannot reach 10.0.0.{n}: connection refused",
    "cache miss for key user:{n}", "retrying order {n}", "disk almost full on /dev/sd{n}",
)  # fmt: skip
WISHES = ("where is order {n}", "cancel my order", "shares of {c}", "我要退货")
COMPANIES = ("Acme", "Globex", "Initech", "长河科技", "蓝海电气")
# What a piece of news says that it is about. Odd blanks, repeats and letters in two parts must not make other names
NAMED = (
    None, None, (), ("Acme",), ("Globex", "Initech"), ("Globex", "长河科技"), (" Acme\t", "Acme"),
    ("\u3000蓝海电气\n",), ("", " ", "\u3000"), ("Cafe\u0301 Noir", "Café Noir "), ("a|b", "all"),
)  # fmt: skip
MANY = tuple(f" part {number} " for number in range(40))
MOST_ENTITIES = 32
# Mostly harmless, a few errors, some that do not say: of those the model does
LEVELS = (
    *({"level": "info"},) * 20, {"level": "[WARN]"}, {"level": "Fatal:"}, {"level": "ERROR"}, {"level": ""},
    {"level": None}, {},
)  # fmt: skip
ERROR_LEVELS = (
    "error", "err", "e", "severe", "critical", "crit", "fatal", "f", "alert", "emerg", "emergency", "panic",
)  # fmt: skip
SERVICES, ACTIONS, SOURCES = ("pay", "search", "cart"), ("view", "buy", "return"), ("wire", "herald", "晨报")


@dataclass(frozen=True)
class Entry:
    """One event that was sent, and where the broker put it."""

    kind: str
    id: str
    time_ms: int
    keys: tuple[tuple[str, str], ...]  # (dimension, key), those that need no model; each once
    partition: int
    offset: int
    level: str = ""  # of a log line, as it is kept
    text: str = ""  # the digest of it

    @classmethod
    def of(cls, kind, body, *, partition, offset):
        """The entry of a body that stands there in the log."""
        text = digest(text_of(kind, body))
        return cls(kind, body["id"], body["ts"], keys_of(kind, body), partition, offset, level_of(body), text)

    @property
    def error(self):
        """Whether it is a log line that says that it is an error."""
        return self.level in ERROR_LEVELS


@dataclass
class Ledger:
    """Everything that was acknowledged to the producer."""

    entries: list[Entry] = field(default_factory=list)
    poison: Counter = field(default_factory=Counter)
    partitions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOPICS.values(), 4))

    def windows(self):
        """(kind, dimension, key, seconds, start_ms, partition) -> (events, last offset)."""
        count, last = Counter(), defaultdict(int)
        for entry in self.entries:
            for dimension, key in (("all", "all"), *entry.keys):
                for seconds in SIZES:
                    start = entry.time_ms // (seconds * 1_000) * seconds * 1_000
                    at = (entry.kind, dimension, key, seconds, start, entry.partition)
                    count[at] += 1
                    last[at] = max(last[at], entry.offset)
        return {at: (count[at], last[at]) for at in count}


def _event(rng, kind, number, time_ms):
    fresh = f"new-{number // 150}" if rng.random() < 0.2 else ""  # the key space grows
    if kind == "news":
        title = {"source": fresh or rng.choice(SOURCES), "title": _text(rng, HEADLINES, number)}
        return title | rng.choice(({}, {}, {"body": f"No more is known of {number}."})) | _about(rng, fresh)
    # An incident, for alerts to tell of: were it more often, nine in ten windows of an hour would not stay under it
    if kind == "logs" and time_ms // MINUTE_MS % 50 >= 48:
        return {"service": "pay", "message": "cannot reach 10.0.0.7: connection refused", "level": "error"}
    if kind == "logs":
        line = {"service": fresh or rng.choice(SERVICES), "message": _text(rng, LINES, number)}
        return line | rng.choice(LEVELS)
    done = {"user_id": f"u{number % 97}", "action": fresh or rng.choice(ACTIONS)}
    return done | ({"text": _text(rng, WISHES, number)} if rng.random() < 0.1 else {})


def _text(rng, forms, number):
    """Three of four come once, the others again and again. There is nothing in them that would be masked."""
    text = rng.choice(forms).format(c=rng.choice(COMPANIES), n=rng.randint(1, 40))
    return f"{text}, report {number}" if rng.random() < 0.75 else text


def _about(rng, fresh):
    """The field `entities`, where there is one."""
    if rng.random() < 0.01:
        return {"entities": MANY}
    names = (fresh, "Acme") if fresh else rng.choice(NAMED)
    return {} if names is None else {"entities": names}


def keys_of(kind, body):
    """The (dimension, key) pairs that an event counts for and that need no model, each once."""
    if kind == "logs":
        return (("service", body["service"]), ("source", body["service"]))
    if kind == "user":
        return (("action", body["action"]),)
    return (("source", body["source"]), *(("entity", name) for name in entities_of(body)))


def entities_of(body):
    """Names without blanks around them and with composed letters; blank ones are none, and 32 are enough."""
    names = (unicodedata.normalize("NFC", name).strip() for name in body.get("entities") or ())
    return list(dict.fromkeys(name for name in names if name))[:MOST_ENTITIES]


def text_of(kind, body):
    """The text that is kept of an event."""
    if kind == "news":
        return "\n".join(part for part in (body["title"], body.get("body")) if part)
    return body["message"] if kind == "logs" else body.get("text", "")


def digest(text):
    """Enough of a text to know it by: a long run has half a million."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def level_of(body):
    """What a log line says of itself, without what stands around it and in small letters."""
    return (body.get("level") or "").strip(" []:").lower()


async def produce(servers, *, count, seed, start_ms, per_s, ledger, poison_every=500, until=None):
    """Send `count` events over the three topics: repeated texts, out of order, some hours late, some poison between.

    It ends early once the event `until` is set.
    """
    rng = random.Random(seed)
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        metadata_max_age_ms=1_000,
        request_timeout_ms=300_000,  # what waits for a broker that is away must not be given up meanwhile
    )
    await producer.start()
    sent = []
    try:
        for number in range(count):
            if until is not None and until.is_set():
                break
            kind = ("news", "logs", "user")[number % 3]
            late_ms = rng.choice((0, 0, 0, rng.randint(0, 90_000), rng.randint(0, 2 * 3_600_000)))
            time_ms = max(0, start_ms + number * 900 - late_ms)
            body = {"id": f"{kind}-{number}", "ts": time_ms} | _event(rng, kind, number, time_ms)
            partition = rng.randrange(ledger.partitions[TOPICS[kind]])
            future = await producer.send(TOPICS[kind], value=json.dumps(body).encode(), partition=partition)
            sent.append((future, kind, body))
            if number % poison_every == 0:
                await producer.send_and_wait(TOPICS[kind], value=b'{"ts": "never"', partition=rng.randrange(4))
                ledger.poison[TOPICS[kind]] += 1
            if number % 200 == 199:
                await asyncio.sleep(200 / per_s)
        for future, kind, body in sent:
            where = await future
            ledger.entries.append(Entry.of(kind, body, partition=where.partition, offset=where.offset))
    finally:
        await producer.stop()


async def send_deadly(servers, *, number, time_ms, ledger):
    """One event that ends every process that reads it."""
    kind = ("news", "logs")[number % 2]
    body = {"id": f"deadly-{number}", "ts": time_ms, "source": "wire", "title": f"{DEADLY} {number}"}
    if kind == "logs":
        body = {"id": f"deadly-{number}", "ts": time_ms, "service": "pay", "message": f"{DEADLY} {number}"}
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        await producer.send_and_wait(TOPICS[kind], json.dumps(body).encode(), partition=number % 4)
    ledger.poison[TOPICS[kind]] += 1


class Diverged(AssertionError):  # noqa: N818 - it says what is so
    """The tables are not what the ledger says. `at` is what differs first, of `what`."""

    def __init__(self, message, *, what="", at=None):
        super().__init__(message)
        self.what, self.at = what, at


EVENTS = (
    "SELECT kind, topic, partition, offset, event_id, toUnixTimestamp64Milli(event_time), level, text FROM events FINAL"
)
WINDOWS = (
    "SELECT kind, dimension, key, window_seconds, toUnixTimestamp64Milli(window_start), partition, events, last_offset"
    " FROM windows FINAL WHERE dimension IN ('all', 'source', 'service', 'action', 'entity')"
)


def check(ledger, query):
    """Compare the tables with the ledger; `query` runs SQL and gives rows. Raises Diverged with what differs first."""
    same("events", _ids(ledger), Counter((*row[:7], digest(row[7])) for row in query(EVENTS)))
    same("windows", ledger.windows(), {tuple(row[:6]): tuple(row[6:]) for row in query(WINDOWS)})


def same(what, wanted, found):
    """Raises Diverged if the two mappings differ."""
    if wanted == found:
        return
    keys = sorted(set(wanted) | set(found), key=repr)
    wrong = [(key, wanted.get(key), found.get(key)) for key in keys if wanted.get(key) != found.get(key)]
    lines = "\n".join(f"  {key}: expected {want}, found {got}" for key, want, got in wrong[:10])
    raise Diverged(f"{what}: {len(wrong)} of {len(keys)} differ\n{lines}", what=what, at=wrong[0][0])


def _ids(ledger):
    return Counter(
        (e.kind, TOPICS[e.kind], e.partition, e.offset, e.id, e.time_ms, e.level, e.text) for e in ledger.entries
    )
