"""The plots: well-formed whatever the labels hold, and every figure in its place."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import BINS, Bin, expected_error, reliability, together
from models.charts import confusion
from models.charts.reliability import interval
from models.charts.reliability import reliability as diagram

SVG = "{http://www.w3.org/2000/svg}"
ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(ANSWERS)
def test_bins_hold_every_answer_and_tell_the_same_error(answers: list[tuple[float, bool]]) -> None:
    shares, right = [share for share, _ in answers], [hit for _, hit in answers]
    bins = reliability(shares, right)
    assert sum(one.rows for one in bins) == len(answers)
    error = sum(one.rows * abs(one.share - one.right) for one in bins) / len(answers)
    assert error == pytest.approx(expected_error(shares, right), abs=2e-4)


@given(ANSWERS, ANSWERS)
def test_bins_of_two_sets_are_the_bins_of_both(one: list[tuple[float, bool]], other: list[tuple[float, bool]]) -> None:
    parts = [reliability([s for s, _ in some], [hit for _, hit in some]) for some in (one, other)]
    whole = reliability([s for s, _ in one + other], [hit for _, hit in one + other])
    merged = together([each for part in parts for each in part])
    assert [(b.at, b.rows) for b in merged] == [(b.at, b.rows) for b in whole]
    for a, b in zip(merged, whole, strict=True):
        assert (a.share, a.right) == pytest.approx((b.share, b.right), abs=2e-4)


def test_the_interval_is_wilsons() -> None:
    assert interval(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert interval(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_each_bin_is_a_dot_and_each_head_a_panel() -> None:
    bins = [Bin(at, 10 + at, at / BINS, at / BINS) for at in range(5, BINS)]
    drawn = ET.fromstring(diagram({"one": bins, "<two>": bins[:3]}))  # noqa: S314 - our own
    assert len(drawn.findall(f"{SVG}circle")) == len(bins) + 3
    titles = [node.text for node in drawn.findall(f"{SVG}text") if node.get("class") == "title"]
    assert titles == ["one", "<two>"]


@pytest.mark.parametrize("count", [2, 3, 20, 77])
def test_every_pair_of_labels_is_a_cell_within_the_picture(count: int) -> None:
    labels = [f"label {number} <&> 公司 " + "x" * (number % 40) for number in range(count)]
    table = {label: {label: 5, labels[0]: 2} for label in labels[1:]}
    drawn = ET.fromstring(confusion.heat_map("set: <head>", table, labels))  # noqa: S314 - our own
    cells = [node for node in drawn.findall(f"{SVG}rect") if node.get("class") in ("good", "bad")]
    assert [node.get("class") for node in cells].count("good") == count - 1
    assert len(cells) == 2 * (count - 1)
    wide, high = (float(drawn.get(side, "0")) for side in ("width", "height"))
    assert all(float(c.get("x", "")) + float(c.get("width", "")) <= wide for c in cells)
    assert all(float(c.get("y", "")) + float(c.get("height", "")) <= high for c in cells)
    said = [node.findtext(f"{SVG}title") or "" for node in cells]
    assert all(re.search(r"answered .*: [25] of 7$", one) for one in said)
