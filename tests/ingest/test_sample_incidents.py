"""The sample, read by the shipped model and judged by the detector: its three incidents are found, and little else."""

from __future__ import annotations

from functools import partial

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
)
from infra.sample.replay import hour_start, item_of
from infra.sample.watch import sample_entities
from models.runtime import Classifier
from streams.core.codec import from_rfc3339
from streams.core.decode import Decoder
from streams.core.detect import WATERMARK, Detection, Detector
from streams.core.entities import WatchList
from streams.core.event import Event, Record, Scored
from streams.core.findings import findings_of, text_to_read
from streams.core.window import PartitionWindows
from streams.topology import KINDS, RAW

START_MS = hour_start(1_764_000_030_000)
EXPECTED = {
    ("volume_surge", STRUCK_COMPANY, NEWS_INCIDENT.start),
    ("sentiment_drop", STRUCK_COMPANY, NEWS_INCIDENT.start),
    ("error_surge", STRUCK_SERVICE, LOGS_INCIDENT.start),
    ("action_drop", STRUCK_ACTION, USER_INCIDENT.start),
}


@pytest.fixture(scope="module")
def scored():
    decoder = Decoder(max_bytes=1_048_576, watch=WatchList([(e.name, e.aliases) for e in sample_entities()]))
    classifier = Classifier.load(threads=1)
    manifest = classifier.manifest
    heads, labels = {kind: manifest.heads_for(kind) for kind in KINDS}, manifest.labels
    said = partial(findings_of, sure=manifest.sure, model="")
    streams = {}
    for kind, events in sample_events().items():
        decoded = []
        for offset, event in enumerate(events):
            item = item_of(event, start_ms=START_MS)
            decoded.append(decoder.decode(Record(RAW[kind], 0, offset, item.time_ms, item.key, item.value)))
        assert all(isinstance(event, Event) for event in decoded)
        texts = list(dict.fromkeys(text for event in decoded if (text := text_to_read(event))))
        read = dict(zip(texts, classifier.classify(texts), strict=True))
        streams[kind] = [
            Scored(event, said(event, read.get(text_to_read(event)), heads=heads, labels=labels)) for event in decoded
        ]
    classifier.close()
    return streams


def judged(scored):
    """The alerts of the hour, each stream minute by minute, as one partition of it would bring it."""
    detector, alerts = Detector(Detection(partitions=1)), []
    for kind in KINDS:
        windows = PartitionWindows(kind=kind, topic=RAW[kind], partition=0, sizes=(60,), lateness_ms=60_000)
        for minute in range(MINUTES):
            end_ms = START_MS + (minute + 1) * 60_000
            rows = windows.fold([it for it in scored[kind] if end_ms - 60_000 <= it.event.event_time_ms < end_ms])
            tick = msgspec.structs.replace(
                rows[0], dimension=WATERMARK, key=WATERMARK, watermark_ms=windows.watermark_ms
            )
            detector.take([*rows, tick])
            windows.forget_closed()
            alerts += detector.judge()
    return alerts


def test_each_incident_is_found_in_its_first_minute_and_resolved_and_there_is_little_else(scored):
    alerts = judged(scored)
    found = {
        (alert.rule, alert.labels["key"], (from_rfc3339(alert.startsAt) - START_MS) // 60_000, alert.status)
        for alert in alerts
    }
    for status in ("firing", "resolved"):
        assert {(*expected, status) for expected in EXPECTED} <= found
    fingerprints = {alert.fingerprint for alert in alerts}
    assert len(fingerprints) <= len(EXPECTED) + 2, found
