"""A made-up day: news, logs of a shop, its users, with three incidents in it. The same one for the same seed."""

import json
import random
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from clickhouse_connect.driver.asyncclient import AsyncClient

from streams.core.event import Event, Findings, Said, Scored
from streams.core.window import PartitionWindows, WindowRow
from streams.topology import RAW, Kind

PARTITIONS = 2

SOURCES = ("Reuters", "Financial Times", "财新网", "Nikkei Asia", "Bloomberg", "36氪")
CATEGORIES = ("Earnings", "M&A | Investments", "Macro", "Markets", "Company | Product News", "Legal | Regulation")
ENTITIES = ("Volkswagen", "比亚迪", "NVIDIA", "Maersk", "Novo Nordisk", "台积电", "Siemens", "Reliance")
HEADLINES = {
    "positive": (
        "{} lifts full-year outlook after record quarter",
        "{}前三季度净利润同比增长近四成，超出市场预期",
        "Analysts upgrade {} as orders beat estimates",
    ),
    "neutral": (
        "{} to present results next Tuesday",
        "{}召开临时股东大会，审议年度分红方案",
        "{} names new chief financial officer",
    ),
    "negative": (
        "{} cuts guidance, shares slide most in a decade",
        "{}因安全隐患召回十二万辆汽车，股价盘中跌逾百分之八",
        "Regulator opens probe into {} over accounting",
    ),
}
SERVICES = ("checkout", "catalogue", "payments", "search", "login", "mailer")
LINES = {
    "info": ("GET /cart 200 in {} ms", "cache refreshed, {} entries", "session {} opened"),
    "warning": ("slow query: {} ms", "retrying upstream, attempt {}", "queue depth {}"),
    "error": (
        "connection to db-{} refused",
        "payment {} declined by gateway: timeout",
        "unhandled exception in worker {}",
    ),
    "critical": ("out of memory in worker {}, restarting", "disk /var/lib/db-{} is full"),
}
ACTIONS = ("view", "search", "add_to_cart", "checkout", "review", "refund")
REVIEWS = (
    "Lovely, arrived a day early",
    "质量一般，物流太慢了",
    "Broke after a week <b>never again</b>",
    "很满意，会回购",
    "OK",
)


async def settle(client: AsyncClient, *, end_ms: int, hours: int = 24, seed: int = 7) -> dict[str, int]:
    """Fill the tables with a stretch that ends at `end_ms`; returns the count of events of each kind."""
    counts = {}
    for kind in RAW:
        scored = list(happenings(kind, end_ms=end_ms, hours=hours, seed=seed))
        counts[kind] = len(scored)
        await client.insert("events", [_event_row(s) for s in scored], column_names=EVENT_COLUMNS)
        rows = _windows(kind, scored)
        await client.insert("windows", [_window_row(r) for r in rows], column_names=WINDOW_COLUMNS)
    await client.insert("alerts", list(_alerts(end_ms)), column_names=ALERT_COLUMNS)
    return counts


def happenings(kind: Kind, *, end_ms: int, hours: int, seed: int) -> Iterator[Scored]:
    """Events of one kind, oldest first, with a daily rhythm, gaps and incidents."""
    chance = random.Random(f"{seed}{kind}")
    offsets = [0] * PARTITIONS
    for minute in range(hours * 60):
        start_ms = end_ms - (hours * 60 - minute) * 60_000
        left = hours * 60 - minute
        for _ in range(_rate(kind, minute, left, chance)):
            partition = chance.randrange(PARTITIONS)
            time_ms = start_ms + chance.randrange(60_000)
            yield _MAKE[kind](chance, left, partition=partition, offset=offsets[partition], time_ms=time_ms)
            offsets[partition] += 1


def _rate(kind: Kind, minute: int, left: int, chance: random.Random) -> int:
    day = 0.6 + 0.4 * abs(((minute / 60) % 24) - 12) / 12
    if kind == "news":
        return 0 if 300 < left < 345 else int(chance.expovariate(1 / (1.2 * day))) + (9 if 40 < left < 52 else 0)
    if kind == "logs":
        return int(chance.gauss(7, 2) * day) + (18 if 18 < left < 26 else 0)
    return 0 if 20 < left < 34 else max(0, int(chance.gauss(4, 2) * day))


def _news(chance: random.Random, left: int, *, partition: int, offset: int, time_ms: int) -> Scored:
    surge = 40 < left < 52
    entity = "Volkswagen" if surge and chance.random() < 0.8 else chance.choice(ENTITIES)
    mood = "negative" if surge and chance.random() < 0.85 else chance.choices(list(HEADLINES), (35, 40, 25))[0]
    text = chance.choice(HEADLINES[mood]).format(entity)
    score = {"positive": 1, "neutral": 0, "negative": -1}[mood] * chance.randint(6_000, 9_900) + chance.randint(
        -900, 900
    )
    event = Event(
        kind="news", topic=RAW["news"], partition=partition, offset=offset, event_id=f"n-{partition}-{offset}",
        event_time_ms=time_ms, ingested_ms=time_ms + 800, source=chance.choices(SOURCES, (9, 6, 5, 3, 7, 2))[0],
        lang="zh" if any("一" <= c <= "鿿" for c in text) else "en", entities=(entity,), text=text,
        url=f"https://example.org/{partition}/{offset}",
    )  # fmt: skip
    found = Findings(
        model="town", sentiment=mood, sentiment_e4=max(-10_000, min(10_000, score)),
        category="Company | Product News" if surge else chance.choices(CATEGORIES, (8, 3, 6, 5, 4, 2))[0],
        category_score=0.9, anomaly_score=chance.random() * 0.3,
    )  # fmt: skip
    return Scored(event, found)


def _logs(chance: random.Random, left: int, *, partition: int, offset: int, time_ms: int) -> Scored:
    incident = 18 < left < 26
    service = "payments" if incident and chance.random() < 0.8 else chance.choices(SERVICES, (8, 9, 4, 6, 3, 1))[0]
    bad = incident and service == "payments"
    level = chance.choices(list(LINES), (5, 10, 70, 15) if bad else (93, 5, 1.8, 0.2))[0]
    template = chance.choice(LINES[level])
    event = Event(
        kind="logs", topic=RAW["logs"], partition=partition, offset=offset, event_id=f"l-{partition}-{offset}",
        event_time_ms=time_ms, ingested_ms=time_ms + 100, source=service, service=service, host=f"web-{partition}",
        level="" if chance.random() < 0.3 else level.upper(), text=template.format(chance.randint(1, 900)),
        template=template.replace("{}", "<*>"), template_id=f"{zlib.crc32(template.encode()):08x}",
    )  # fmt: skip
    severity = {"info": 0.04, "warning": 0.55, "error": 0.93, "critical": 0.99}[level]
    found = Findings(
        model="town", severity=level, severity_score=severity,
        anomaly_score=min(1.0, severity * chance.uniform(0.6, 1.05)),
    )  # fmt: skip
    return Scored(event, found)


def _user(chance: random.Random, left: int, *, partition: int, offset: int, time_ms: int) -> Scored:
    action = chance.choices(ACTIONS, (50, 20, 12, 6, 5, 2))[0]
    text = chance.choice(REVIEWS) if action == "review" else ""
    mood = (
        {0: "positive", 1: "negative", 2: "negative", 3: "positive", 4: "neutral"}[REVIEWS.index(text)] if text else ""
    )
    event = Event(
        kind="user", topic=RAW["user"], partition=partition, offset=offset, event_id=f"u-{partition}-{offset}",
        event_time_ms=time_ms, ingested_ms=time_ms + 50, user_id=f"user-{chance.randint(1, 400)}", action=action,
        text=text, item_id=f"sku-{chance.randint(1, 90)}",
        lang=("zh" if text and text[0] > "一" else "en") if text else "",
    )  # fmt: skip
    found = Findings(
        model="town" if mood else "", sentiment=mood, sentiment_e4={"positive": 8_000, "negative": -8_500}.get(mood, 0),
        heads={"desk": Said("delivery" if "day" in text or "物流" in text else "goods", 0.75)} if text else {},
    )  # fmt: skip
    return Scored(event, found)


_MAKE = {"news": _news, "logs": _logs, "user": _user}

EVENT_COLUMNS = (
    "kind", "topic", "partition", "offset", "event_id", "event_time", "ingested_at", "source", "service", "host",
    "lang", "entities", "text", "url", "user_id", "action", "item_id", "level", "sentiment",
    "sentiment_score",
    "category", "category_score", "severity", "severity_score", "template", "template_id", "anomaly_score", "model",
    "heads",
)  # fmt: skip
WINDOW_COLUMNS = (
    "window_start", "window_seconds", "kind", "dimension", "key", "topic", "partition", "events", "negative", "neutral",
    "positive", "sentiment_sum", "anomalies", "anomaly_max", "errors", "last_offset", "watermark",
)  # fmt: skip
ALERT_COLUMNS = (
    "id", "fingerprint", "revision", "status", "rule", "severity", "kind", "dimension", "key", "labels", "annotations",
    "starts_at", "ends_at", "window_start", "window_seconds", "value", "expected", "score", "evidence",
)  # fmt: skip


def _event_row(scored: Scored) -> tuple[object, ...]:
    e, f = scored.event, scored.findings
    return (
        e.kind, e.topic, e.partition, e.offset, e.event_id, _time(e.event_time_ms), _time(e.ingested_ms), e.source,
        e.service, e.host, e.lang, list(e.entities), e.text, e.url, e.user_id, e.action, e.item_id, e.level,
        f.sentiment, f.sentiment_e4 / 10_000, f.category, f.category_score, f.severity, f.severity_score, e.template,
        e.template_id, f.anomaly_score, f.model,
        {head: (said.label, said.score) for head, said in f.heads.items()},
    )  # fmt: skip


def _windows(kind: Kind, scored: list[Scored]) -> list[WindowRow]:
    rows: dict[object, WindowRow] = {}
    for partition in range(PARTITIONS):
        windows = PartitionWindows(
            kind=kind, topic=RAW[kind], partition=partition, sizes=(60, 3600), lateness_ms=60_000
        )
        for row in windows.fold([s for s in scored if s.event.partition == partition]):
            rows[(partition, row.row_key)] = row
    return list(rows.values())


def _window_row(row: WindowRow) -> tuple[object, ...]:
    return (
        _time(row.window_start_ms), row.window_seconds, row.kind, row.dimension, row.key, row.topic, row.partition,
        row.events, row.negative, row.neutral, row.positive, Decimal(row.sentiment_sum_e4) / 10_000, row.anomalies,
        row.anomaly_max, row.errors, row.last_offset, _time(row.watermark_ms),
    )  # fmt: skip


def _alerts(end_ms: int) -> Iterator[tuple[object, ...]]:
    evidence = _evidence(
        ("logs.raw", 0, 71, "payment 512 declined by gateway: timeout", 0.97),
        ("logs.raw", 1, 64, "out of memory in worker 7, restarting", 0.99),
        ("logs.raw", 1, 66, "connection to db-2 refused", 0.93),
    )
    recall = _evidence(("news.raw", 0, 31, HEADLINES["negative"][1].format("Volkswagen"), -0.96))
    cases = (
        ("a1", "error_surge", "critical", "logs", "service", "payments", 25, 0, 41.0, 1.2, 9.7,
         "payments: 41 errors in a minute, 1.2 expected", evidence),
        ("a2", "sentiment_drop", "warning", "news", "entity", "Volkswagen", 51, 40, -0.74, 0.11, 6.1,
         "Volkswagen: mean sentiment −0.74, +0.11 expected", recall),
        ("a3", "action_drop", "warning", "user", "action", "checkout", 33, 0, 0.0, 3.1, 5.2,
         "checkout: no events in five minutes, 3.1 a minute expected", "[]"),
        ("a4", "volume_surge", "info", "news", "all", "all", 52, 41, 12.0, 1.1, 8.0,
         "news: 12 events in a minute, 1.1 expected", "not json"),
    )  # fmt: skip
    for name, rule, severity, kind, dimension, key, started, ended, value, expected, score, summary, found in cases:
        start_ms = end_ms - started * 60_000
        common = {
            "labels": {"alertname": rule, "kind": kind, "dimension": dimension, "key": key},
            "annotations": {"summary": summary, "description": "Against the median of the series' last 60 windows."},
        }
        for revision, status in enumerate(("firing", "resolved") if ended else ("firing",)):
            at_ms = end_ms - ended * 60_000 if status == "resolved" else start_ms
            yield (
                f"{name}-{revision}", name, revision, status, rule, severity, kind, dimension, key, common["labels"],
                common["annotations"], _time(start_ms), _time(at_ms), _time(at_ms), 60, value, expected, score, found,
            )  # fmt: skip


def _evidence(*found: tuple[object, ...]) -> str:
    names = ("topic", "partition", "offset", "text", "score")
    return json.dumps([dict(zip(names, row, strict=True)) | {"id": f"{row[1]}-{row[2]}"} for row in found])


def _time(ms: int) -> object:
    return datetime.fromtimestamp(ms / 1_000, UTC)
