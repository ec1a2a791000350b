"""One sender whose clock is wrong takes no alert away from the others."""

import pytest

from streams.core.detect import Detection, Detector
from streams.core.event import Event, Findings, Scored
from streams.core.window import PartitionWindows

T0 = 1_764_000_000_000  # a full minute
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DETECTION = Detection(partitions=1)
QUIET, SURGE = 30, 60  # minutes: errors begin at the first and end at the last


def line(offset, sent_ms, *, service, level="info", ahead_ms=0):
    event = Event(
        kind="logs", topic="logs.raw", partition=0, offset=offset, event_id=str(offset),
        event_time_ms=sent_ms + ahead_ms, ingested_ms=sent_ms, source=service, service=service, level=level,
    )  # fmt: skip
    return Scored(event, Findings(severity="info"))


def surges(*, ahead_ms):
    """(minute, service, status) of what is told of errors while the clock of a service `batch` is ahead by so much."""
    windows = PartitionWindows(
        kind="logs", topic="logs.raw", partition=0, sizes=(60,), lateness_ms=DETECTION.lateness_ms
    )
    detector, offset, told = Detector(DETECTION), 0, []
    for minute in range(SURGE + 5):
        lines = []
        for second in range(0, 60, 2):
            failing = QUIET <= minute < SURGE
            sent_ms = T0 + minute * MINUTE_MS + second * 1_000
            lines.append(line(offset, sent_ms, service="payments", level="error" if failing else "info"))
            lines.append(line(offset + 1, sent_ms, service="batch", ahead_ms=ahead_ms))
            offset += 2
        detector.take([*windows.fold(lines), windows.tick(every_ms=MINUTE_MS, last_offset=offset)])
        surging = [alert for alert in detector.judge() if alert.rule == "error_surge"]
        told += [(minute, alert.labels["key"], alert.status) for alert in surging]
        windows.forget_closed()
    return told


@pytest.mark.parametrize("ahead_ms", [-8 * HOUR_MS, -MINUTE_MS, MINUTE_MS, 8 * HOUR_MS, 23 * HOUR_MS])
def test_a_surge_is_told_in_the_same_minute_whoever_has_a_wrong_clock(ahead_ms):
    right = surges(ahead_ms=0)
    assert right
    assert surges(ahead_ms=ahead_ms) == right
