"""From rows to alerts: an incident's life."""

import msgspec
import pytest

from streams.core.codec import from_rfc3339, rfc3339
from streams.core.detect import Detector
from streams.core.rules import Limits
from streams.core.window import start_of
from tests.core.feed import (
    APPLE,
    CHECKOUT,
    DETECTION,
    MINUTE_MS,
    PAYMENTS,
    Told,
    counts,
    detect,
    messages,
    minute,
    row,
    tick,
    ticks,
    told,
)


def test_a_surge_fires_once_and_resolves():
    #          0........19  20 21  22 23 24
    alerts = detect({PAYMENTS: counts(*[20] * 20, 200, 210, 20, 20, 20)})
    assert told(alerts) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]
    firing, resolved = alerts
    assert firing.severity == "critical"
    assert firing.startsAt == resolved.startsAt == rfc3339(minute(20))
    assert firing.window.start == rfc3339(minute(20))
    assert from_rfc3339(firing.endsAt) > minute(60)
    assert resolved.endsAt == rfc3339(minute(22))
    assert firing.fingerprint == resolved.fingerprint
    assert firing.id != resolved.id
    assert (firing.value, firing.expected) == (200, 20)
    assert firing.annotations["summary"] == "Log lines of payments rose to 200 in a minute, 20 expected"
    assert resolved.annotations["summary"].startswith("Resolved after 3 normal windows: Log lines of payments rose")
    assert firing.labels == {
        "alertname": "volume_surge", "rule": "volume_surge", "kind": "logs", "dimension": "service", "key": "payments",
    }  # fmt: skip


def test_an_incident_that_grows_is_told_again_but_seldom():
    alerts = detect({PAYMENTS: counts(*[20] * 20, 60, 61, 70, 90, 200, 210, 220, 300)})
    assert told(alerts) == [("volume_surge", "firing", n) for n in (1, 2, 3)]
    assert [(alert.severity, alert.value) for alert in alerts] == [("warning", 60), ("critical", 90), ("critical", 200)]
    assert {alert.startsAt for alert in alerts} == {rfc3339(minute(20))}


def test_errors_of_a_service():
    past = [Told(200, errors=2)] * 20
    alerts = detect({PAYMENTS: [*past, Told(200, errors=41), *past[:4]]})
    assert told(alerts) == [("error_surge", "firing", 1), ("error_surge", "resolved", 2)]
    assert alerts[0].annotations["summary"] == "Errors of payments rose to 41 in a minute, 2 expected"


def test_sentiment_of_an_entity():
    alerts = detect({APPLE: [*[Told(6, sentiment=0.2)] * 20, Told(16, sentiment=-0.9), *[Told(6, sentiment=0.2)] * 4]})
    assert told(alerts) == [("sentiment_drop", "firing", 1), ("sentiment_drop", "resolved", 2)]
    assert alerts[0].annotations["summary"] == "Sentiment of news about Apple fell to -0.90, 0.20 expected"


def test_an_action_that_is_gone_leaves_no_rows_and_is_missed():
    other = msgspec.structs.replace(CHECKOUT, key="view")
    alerts = detect({CHECKOUT: counts(*[25] * 20, 0, 0, 0, *[25] * 4), other: counts(*[30] * 27)})
    assert told(alerts) == [("action_drop", "firing", 1), ("action_drop", "resolved", 2)]
    assert alerts[0].labels["key"] == "checkout"
    assert alerts[0].startsAt == rfc3339(minute(20))
    assert alerts[1].endsAt == rfc3339(minute(23))


def test_a_new_level_becomes_usual():
    alerts = detect({PAYMENTS: counts(*[20] * 60, *[200] * 100)})
    assert told(alerts) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]
    assert from_rfc3339(alerts[0].endsAt) > from_rfc3339(alerts[1].endsAt)


def test_nothing_is_judged_without_a_past():
    assert detect({PAYMENTS: counts(5, 5, 5, 5, 5, 5, 5, 400)}) == []
    assert detect({PAYMENTS: counts(5, 5, 5, 5, 5, 5, 5, 5, 400)}) != []


def test_the_shortest_history_that_may_be_set_sees_an_incident_through():
    """Of fewer than eight windows beside the incident nothing is judged, and what is not judged counts as calm."""
    detector = Detector(msgspec.structs.replace(DETECTION, limits=Limits(history=16)))
    alerts = detect({PAYMENTS: counts(*[20] * 20, *[200] * 8, *[20] * 4)}, detector=detector)
    assert told(alerts) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]
    assert alerts[1].endsAt == rfc3339(minute(28))


def test_windows_of_an_incident_are_not_usual():
    """Ten bad minutes among eighteen: with them in the past, the eleventh would be normal."""
    alerts = detect({PAYMENTS: counts(*[20] * 8, *[200] * 30, *[20] * 4)})
    assert told(alerts) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]
    assert alerts[1].endsAt == rfc3339(minute(38))


def test_a_window_waits_for_every_partition():
    detector = Detector(DETECTION)
    for batch in messages({PAYMENTS: counts(*[20] * 20, 200)}):
        detector.take(batch)
    detector.judge()
    detector.take([tick("logs", 22, partition=0)])
    assert detector.judge() == []
    detector.take([tick("logs", 22, partition=1)])
    assert told(detector.judge()) == [("volume_surge", "firing", 1)]


def test_a_silent_partition_is_not_waited_for():
    detector = Detector(DETECTION)
    for batch in messages({PAYMENTS: counts(*[20] * 20, 200)}):
        detector.take(batch)
    detector.judge()
    for now_ms in (0, 9_000):
        detector.tick(now_ms)
        detector.take([tick("logs", 22, partition=0)])
        assert detector.judge() == []
    detector.tick(10_000)
    assert told(detector.judge()) == [("volume_surge", "firing", 1)]


def test_when_all_are_silent_the_last_window_closes():
    detector = Detector(DETECTION)
    for batch in messages({PAYMENTS: counts(*[20] * 20)}):
        detector.take(batch)
    detector.take([row(PAYMENTS, 20, partition=0, told=Told(200))])
    assert detector.judge() == []
    for now_ms in (0, 5_000, 10_000):
        detector.tick(now_ms)
    assert told(detector.judge()) == [("volume_surge", "firing", 1)]


def test_what_comes_after_such_a_close_is_judged():
    """The window was looked at while it was still running: the surge came later in it."""
    detector = Detector(DETECTION)
    for batch in messages({PAYMENTS: counts(*[20] * 20)}):
        detector.take(batch)
    detector.take([row(PAYMENTS, 20, partition=0, told=Told(5), last_offset=20_000)])
    for now_ms in (0, 5_000, 10_000):
        detector.tick(now_ms)
    assert detector.judge() == []
    detector.take([row(PAYMENTS, 20, partition=0, told=Told(200), last_offset=20_900)])
    assert told(detector.judge()) == [("volume_surge", "firing", 1)]


@pytest.mark.parametrize(
    ("series", "usual", "so_far"),
    [(PAYMENTS, Told(1_000, 20), Told(20, 20)), (APPLE, Told(20, sentiment=0.3), Told(8, sentiment=-0.9))],
)
def test_a_share_and_a_mean_wait_for_the_end_of_a_window_that_is_still_running(series, usual, so_far):
    """What comes after a pause may undo them: 20 errors, ten seconds of silence, 980 lines that are none."""
    detector = Detector(DETECTION)
    for batch in messages({series: [usual] * 30}):
        detector.take(batch)
        assert detector.judge() == []
    detector.take([row(series, 30, partition=0, told=so_far)])
    for after_s in (5, 10, 15, 59):
        detector.tick(minute(30) + 1_000 * after_s)
        assert detector.judge() == []
    detector.tick(minute(31))
    (alert,) = detector.judge()
    assert (alert.status, alert.startsAt) == ("firing", rfc3339(minute(30)))


def test_silence_of_the_whole_stream_is_no_drop_of_an_action():
    detector = Detector(DETECTION)
    for batch in messages({CHECKOUT: counts(*[25] * 20, 1)}):
        detector.take(batch)
        assert detector.judge() == []
    for now_ms in (0, 5_000, 10_000, 15_000):
        detector.tick(now_ms)
        assert detector.judge() == []
    assert CHECKOUT in detector


def test_a_long_absence_of_ours_is_not_theirs():
    detector = Detector(DETECTION)
    for batch in messages({PAYMENTS: counts(*[20] * 20, 200)}):
        detector.take(batch)
    detector.tick(0)
    detector.tick(3_600_000)
    assert detector.judge() == []


def test_a_late_row_makes_the_alert_of_its_window_worse():
    detector = Detector(DETECTION)
    alerts = []
    for batch in messages({PAYMENTS: counts(*[20] * 20, 70, 70)}):
        detector.take(batch)
        alerts += detector.judge()
    detector.take(ticks({"logs"}, 23))
    alerts += detector.judge()
    assert told(alerts) == [("volume_surge", "firing", 1)]
    late = row(PAYMENTS, 20, partition=1, told=Told(400), last_offset=99_000)
    detector.take([late])
    (again,) = detector.judge()
    assert (again.status, again.revision, again.value, again.startsAt) == ("firing", 2, 435, rfc3339(minute(20)))
    detector.take([late])
    assert detector.judge() == []


def test_a_late_row_of_a_settled_window_corrects_the_past_and_fires_nothing():
    detector = Detector(DETECTION)
    for batch in messages({PAYMENTS: counts(*[20] * 30)}):
        detector.take(batch)
        detector.judge()
    detector.take([row(PAYMENTS, 20, partition=1, told=Told(400), last_offset=99_000)])
    assert detector.judge() == []


@pytest.mark.parametrize(("cooldown_minutes", "alerts"), [(10, 2), (2, 4)])
def test_an_incident_in_the_cool_down_does_not_fire(cooldown_minutes, alerts):
    limits = Limits(cooldown_ms=cooldown_minutes * MINUTE_MS)
    detector = Detector(msgspec.structs.replace(DETECTION, limits=limits))
    found = detect({PAYMENTS: counts(*[20] * 20, 200, *[20] * 5, 200, *[20] * 5)}, detector=detector)
    assert len(found) == alerts
    assert len({alert.id for alert in found}) == alerts


@pytest.mark.parametrize("calm", [3, 5, 7])
def test_what_is_bad_in_the_cool_down_and_stays_so_fires_after_it(calm):
    """Else the silenced windows would be the usual by then: an outage after a blip was told of by nobody."""
    alerts = detect({PAYMENTS: counts(*[20] * 60, 200, *[20] * calm, *[200] * 60)})
    first, _, second, last = alerts
    assert [one.status for one in alerts] == ["firing", "resolved"] * 2
    assert (first.startsAt, second.startsAt) == (rfc3339(minute(60)), rfc3339(minute(71)))
    assert from_rfc3339(last.endsAt) >= minute(105)


def test_a_cool_down_as_long_as_the_history_does_not_keep_a_series_from_being_judged():
    limits = Limits(cooldown_ms=60 * MINUTE_MS)
    detector = Detector(msgspec.structs.replace(DETECTION, limits=limits))
    found = detect({PAYMENTS: counts(*[20] * 60, 200, *[20] * 70, 200, *[20] * 5)}, detector=detector)
    assert told(found) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)] * 2


def test_an_incident_goes_on_in_windows_of_another_width():
    """It was told by minutes, and windows of five begin at other moments."""
    (firing,) = detect({PAYMENTS: counts(*[20] * 21, 200)})
    wide, begins = 300, start_of(minute(0), 300)
    rows = [
        msgspec.structs.replace(
            row(PAYMENTS, 5 * n, partition=0, told=Told(1_000 if n >= 4 else 100)),
            window_seconds=wide, window_start_ms=begins + n * wide * 1_000,
        )
        for n in range(-20, 9)
    ]  # fmt: skip
    detector = Detector(msgspec.structs.replace(DETECTION, seconds=wide, partitions=1))
    first_ms = begins + 8 * wide * 1_000
    detector.adopt(PAYMENTS, rows=rows, alerts=[firing], first_ms=first_ms)
    detector.begin("logs", first_ms)
    detector.take([tick("logs", 60, partition=0)])
    assert [one.status for one in detector.judge()] == ["firing"]  # ten times the usual: it grew, and is not over


def test_what_is_over_for_good_is_forgotten():
    detector = Detector(DETECTION)
    view = msgspec.structs.replace(CHECKOUT, key="view")
    detect({CHECKOUT: counts(*[25] * 20), view: counts(*[30] * 160)}, detector=detector)
    assert CHECKOUT not in detector
    assert view in detector


def test_a_gap_of_years_costs_nothing():
    detector = Detector(DETECTION)
    for batch in messages({CHECKOUT: counts(*[25] * 20)}):
        detector.take(batch)
        detector.judge()
    for batch in messages({CHECKOUT: counts(*[25] * 20)}, first=5_000_000):
        detector.take(batch)
        alerts = detector.judge()
    assert len(detector) == 1
    assert alerts == []


def test_rows_that_no_rule_watches_take_no_memory():
    detector = Detector(DETECTION)
    hour = msgspec.structs.replace(row(PAYMENTS, 0, partition=0, told=Told(3)), window_seconds=3_600)
    template = msgspec.structs.replace(row(PAYMENTS, 0, partition=0, told=Told(3)), dimension="template")
    detector.take([hour, template])
    assert len(detector) == 0


def test_a_long_incident_is_taken_up_where_it_stands():
    """It was told once, eleven windows ago: nothing of that is a reason to call it over."""
    batches = messages({PAYMENTS: counts(*[20] * 20, *[200] * 15, *[20] * 4)})
    first = Detector(DETECTION)
    alerts = []
    for batch in batches[:33]:
        first.take(batch)
        alerts += first.judge()
    assert told(alerts) == [("volume_surge", "firing", 1)]
    second = Detector(DETECTION)
    from_ms = second.judges_from(min(row.watermark_ms for row in batches[33]))
    rows = [one for batch in batches[:33] for one in batch if one.dimension == "service"]
    second.adopt(PAYMENTS, rows=rows, alerts=alerts, first_ms=from_ms)
    second.begin("logs", from_ms)
    for batch in [*batches[33:], ticks({"logs"}, 40)]:
        second.take(batch)
        alerts += second.judge()
    assert told(alerts) == [("volume_surge", "firing", 1), ("volume_surge", "resolved", 2)]
    assert alerts[1].endsAt == rfc3339(minute(35))
