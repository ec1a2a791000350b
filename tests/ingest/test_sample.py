"""The sample that ships: the same every time, readable, and with its three incidents in it."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from statistics import median

import msgspec
import pytest

from infra.sample.generate import (
    LOGS_INCIDENT,
    MINUTES,
    NEWS_INCIDENT,
    STRUCK_ACTION,
    STRUCK_COMPANY,
    STRUCK_SERVICE,
    USER_INCIDENT,
    sample_events,
)  # fmt: skip
from infra.sample.phrases import headlines
from infra.sample.real import ARTICLES, HOUR_MS, real_events
from infra.sample.replay import hour_start, item_of, whole_hour
from infra.sample.watch import sample_entities
from infra.sample.write import write
from streams.core.decode import Decoder
from streams.core.entities import WatchList
from streams.core.event import Event, Record
from streams.core.rules import Limits
from streams.settings import load_settings, seed_data
from streams.topology import KINDS, RAW

NOW_MS = 1_764_000_030_000
START_MS = hour_start(NOW_MS)


@pytest.fixture(scope="module")
def decoder():
    watch = WatchList([(entity.name, entity.aliases) for entity in sample_entities()])
    return Decoder(max_bytes=1_048_576, watch=watch)


def decoded(decoder, kind, events) -> list[Event]:
    found = []
    for offset, event in enumerate(events):
        item = item_of(event, start_ms=START_MS)
        record = Record(RAW[kind], 0, offset, NOW_MS, item.key, item.value)
        answer = decoder.decode(record)
        assert isinstance(answer, Event), (answer, item.value)
        found.append(answer)
    return found


@pytest.fixture(scope="module")
def hour(decoder):
    whole = sample_events()
    return {kind: decoded(decoder, kind, whole[kind]) for kind in KINDS}


def minute_of(event: Event) -> int:
    return (event.event_time_ms - START_MS) // 60_000


def by_minute(events, wanted) -> list[int]:
    counts = Counter(minute_of(event) for event in events if wanted(event))
    return [counts[minute] for minute in range(MINUTES)]


def peace(counts, incident) -> list[int]:
    return [count for minute, count in enumerate(counts) if minute not in incident]


def test_it_ends_now_and_every_stream_is_in_order(hour):
    assert START_MS + MINUTES * 60_000 == NOW_MS - NOW_MS % 60_000
    for events in hour.values():
        times = [event.event_time_ms for event in events]
        assert times == sorted(times)
        assert times[0] >= START_MS
        assert NOW_MS - 120_000 < times[-1] < NOW_MS
        assert len({event.event_id for event in events}) == len(events)
    assert 6_000 < sum(map(len, hour.values())) < 10_000


def test_it_is_the_same_every_time(tmp_path):
    digests = []
    for name in ("one", "two"):
        files = write(tmp_path / name, now_ms=NOW_MS)
        assert [file.name for file in files] == ["news.jsonl", "logs.jsonl", "user.jsonl"]
        digests.append(sha256(b"".join(file.read_bytes() for file in files)).hexdigest())
    assert digests[0] == digests[1]
    assert sum(file.stat().st_size for file in files) < 1_500_000


def test_there_are_hundreds_of_headlines_in_both_languages(hour):
    texts = {line.text for name in ("companies", "market", "struck") for line in headlines(name)}
    assert len(texts) >= 250
    langs = Counter(event.lang for event in hour["news"])
    assert set(langs) == {"en", "zh"}
    assert langs["zh"] > len(hour["news"]) / 5
    assert not any("{" in event.text for event in hour["news"])


def test_one_company_is_struck_by_a_burst_of_news(hour):
    limits = Limits()
    counts = by_minute(hour["news"], lambda event: STRUCK_COMPANY in event.entities)
    usual = median(peace(counts, NEWS_INCIDENT))
    assert usual == 2
    assert max(peace(counts, NEWS_INCIDENT)) < limits.surge_min_events
    assert sum(counts[: NEWS_INCIDENT.start]) >= limits.sentiment_min_past
    assert all(counts[minute] >= usual + limits.surge_z * usual**0.5 + 5 for minute in NEWS_INCIDENT)


def test_one_service_fails(hour):
    errors = by_minute(
        hour["logs"], lambda event: event.service == STRUCK_SERVICE and event.level in ("error", "critical")
    )
    assert max(peace(errors, LOGS_INCIDENT)) <= 1
    assert all(errors[minute] >= 15 for minute in LOGS_INCIDENT)


def test_nobody_can_buy(hour):
    counts = by_minute(hour["user"], lambda event: event.action == STRUCK_ACTION)
    assert [counts[minute] for minute in USER_INCIDENT] == [0] * len(USER_INCIDENT)
    assert min(peace(counts, USER_INCIDENT)) >= 13  # what a Poisson's scale needs for a drop to show


def test_each_incident_has_a_past_and_an_aftermath():
    limits = Limits()
    for incident in (NEWS_INCIDENT, LOGS_INCIDENT, USER_INCIDENT):
        assert incident.start >= limits.min_history + 2
        assert MINUTES - incident.stop >= 12


def test_the_rest_is_steady(hour):
    series = {
        "news": (lambda event: event.source, NEWS_INCIDENT),
        "logs": (lambda event: event.service, LOGS_INCIDENT),
        "user": (lambda event: event.action, USER_INCIDENT),
    }
    for kind, (key, incident) in series.items():
        for name in {key(event) for event in hour[kind]}:
            counts = peace(by_minute(hour[kind], lambda event, key=key, name=name: key(event) == name), incident)
            assert max(counts) <= max(2 * median(counts), 9), (kind, name, counts)
            assert min(counts) >= median(counts) / 3 or median(counts) < 6, (kind, name, counts)


async def test_keys_spread_over_partitions():
    whole = await whole_hour(None)
    assert whole == sample_events()
    assert {kind: len({event.key for event in whole[kind]}) >= 18 for kind in KINDS} == dict.fromkeys(KINDS, True)


def test_every_company_is_found_in_both_languages(hour):
    found = {(name, event.lang) for event in hour["news"] for name in event.entities}
    assert found == {(entity.name, lang) for entity in sample_entities() for lang in ("en", "zh")}


async def test_without_a_folder_of_real_data_there_is_nothing_real(tmp_path):
    assert await real_events(tmp_path) == {kind: [] for kind in KINDS}


@pytest.mark.skipif(seed_data(load_settings()) is None, reason="needs PULSEWIRE_SEED_DATA")
async def test_real_events_come_at_an_even_pace_and_can_be_read(decoder):
    real = await real_events(seed_data(load_settings()))
    assert len(real["news"]) == ARTICLES
    for kind, events in real.items():
        found = decoded(decoder, kind, events)
        assert all(0 <= event.at_ms < HOUR_MS for event in events)
        for source in {event.source for event in found}:
            counts = by_minute(found, lambda event, source=source: event.source == source)
            assert max(counts) - min(counts) <= 1, source


def test_settings_take_the_watch_list():
    settings = load_settings(entities=sample_entities())
    assert len(settings.entities) == 13
    assert msgspec.json.encode([entity.name for entity in settings.entities])
