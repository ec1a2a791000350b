"""Answers stay small, however long the history and however large the events. No store: rows are made up."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from streams.serve import asking, queries
from streams.serve.answers import Answers

YEAR_MS = 365 * 86_400_000
LATEST_MS = 1_764_000_000_000


class Store:
    """Holds a year of news, and no point of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def rows(self, sql: str, _parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        self.asked.append(sql)
        extent = {"kind": "news", "dimension": "all", "first_ms": LATEST_MS - YEAR_MS, "latest_ms": LATEST_MS}
        return [extent] if sql == queries.EXTENTS else []


@pytest.mark.parametrize(("range_", "seconds", "points"), [("all", 60, 525_600), ("all", 3_600, 8_760)])
async def test_a_year_in_minutes_is_refused(range_, seconds, points):
    assert points * seconds * 1_000 == YEAR_MS
    store = Store()
    asked = asking.Trend("news", range=range_, seconds=seconds)
    answer = await Answers(cast("Any", store), windows=(60, 3_600)).trend(asked, now_ms=LATEST_MS)
    assert answer == asking.Refused(f"seconds is {seconds}: more than 2000 points, ask for wider ones")
    assert store.asked == [queries.EXTENTS]


@pytest.mark.parametrize(("range_", "seconds"), [("all", 86_400), ("all", None), ("24h", 60)])
async def test_what_is_wide_enough_is_answered(range_, seconds):
    asked = asking.Trend("news", range=range_, seconds=seconds)
    answer = await Answers(cast("Any", Store()), windows=(60, 3_600)).trend(asked, now_ms=LATEST_MS)
    assert isinstance(answer, dict)


def test_fields_that_have_no_bound_of_their_own_are_cut():
    cut = set(re.findall(r"substringUTF8\((\w+), 1, 4000\) AS \1", queries.EVENTS))
    assert cut == {"text", "template", "url", "extra"}
