"""What the soak sends and what of it counts."""

import itertools
import json

import pytest

from streams.core.template import template_of
from tests.bench.soak import Course, Fresh, rows_of


def events(kind, fresh, *, calls=20, count=200):
    return [json.loads(value) for _ in range(calls) for value in fresh.after(0.5, count)[kind]]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("news", lambda event: [event["source"], *event["entities"], event["title"]]),
        ("logs", lambda event: [event["service"], event["host"] + "!", template_of(event["message"])]),
        ("user", lambda event: [event["user_id"], event["action"], event["text"]]),
    ],
)
def test_no_name_and_no_text_comes_twice(kind, names):
    found = list(itertools.chain.from_iterable(names(event) for event in events(kind, Fresh(start_ms=0, speed=60))))
    assert len(found) == len(set(found)) == 3 * 20 * 200


def test_words_do_not_repeat_over_a_long_run():
    fresh = Fresh(start_ms=0, speed=60)
    assert len({fresh._word() for _ in range(300_000)}) == 300_000


def test_event_time_goes_by_faster_than_the_clock():
    stamps = [event["ts"] for event in events("logs", Fresh(start_ms=1_000, speed=60), calls=4, count=3)]
    assert stamps == sorted(stamps)
    assert (stamps[0], stamps[-1]) == (1_000, 1_000 + 4 * 30_000 - 10_000)


def course():
    seen = Course(times=list(range(0, 1_800, 5)), folder=[100.0] * 360)
    seen.memory["kafka"] = [300 + 36 * at / 3_600 for at in seen.times]
    seen.files["kafka"] = [90] * 100 + [95] * 260
    return seen


def test_each_process_and_the_folder_have_a_row():
    kafka, folder = rows_of(course(), after_s=600)
    assert kafka["of"] == "broker"
    assert kafka["MB an hour (95%)"].startswith("+36 (")
    assert kafka["open files, first third and last (most)"] == "95, 95"
    assert folder["MB an hour (95%)"] == "+0 (+0 to +0)"
