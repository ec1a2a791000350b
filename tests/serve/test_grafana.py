"""Every panel of the Grafana dashboard asks something that the store answers, as the reader, with rows."""

import re

import pytest

from streams.adapters.clickhouse import connect
from tests.serve.board import BOARD, PANELS, filled
from tests.serve.conftest import END_MS


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
@pytest.mark.parametrize("width", [60, 3600])
async def test_a_panel_has_something_to_show(settled, panel, width):
    (target,) = panel["targets"]
    client = await connect(settled, reader=True)
    try:
        result = await client.query(filled(panel, width, end_ms=END_MS))
    finally:
        await client.close()
    assert result.row_count > 0
    if target["format"] == 0:  # a time series: a time, at most one label, a number
        assert result.column_names[0] == "time"
        times = [row[0] for row in result.result_rows]
        assert times == sorted(times)
        assert isinstance(result.result_rows[0][-1], int | float)


async def test_what_is_ranked_by_hours_is_what_the_minutes_add_up_to(settled):
    (panel,) = [one for one in PANELS if one["title"] == "What the news is about"]
    by_hours = filled(panel, 60, end_ms=END_MS).replace(" LIMIT 50", "")
    by_minutes = re.sub(r"window_seconds = if\([^)]*\)[^)]*\)[^)]*\)", "window_seconds = 60", by_hours)
    assert by_minutes.count("window_seconds = 60 ") == 1
    client = await connect(settled, reader=True)
    try:
        hours, minutes = [set((await client.query(sql)).result_rows) for sql in (by_hours, by_minutes)]
    finally:
        await client.close()
    assert hours == minutes


def test_the_width_is_one_of_the_stored_windows(settled):
    (width,) = BOARD["templating"]["list"]
    assert [int(value) for value in width["query"].split(",")] == list(settled.window_seconds)
