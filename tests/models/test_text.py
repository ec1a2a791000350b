import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text import MAX_CHARACTERS, PREFIX, prepare


@pytest.mark.parametrize(
    ("raw", "ready"),
    [
        ("Profits surge", "query: Profits surge"),
        ("  many \n\t spaces  ", "query: many spaces"),
        ("Q&amp;A: AT&amp;T &gt; all", "query: Q&A: AT&T > all"),
        ("see https://t.co/G9Zdi1boy5 and HTTP://X.example/a?b=1", "query: see http and http"),
        ("公司季度利润增长30%，超出预期", "query: 公司季度利润增长30%，超出预期"),
        ("cafe\u0301", "query: caf\u00e9"),
        ("", "query: "),
        ("a\x00b", "query: a b"),
        ("half \ud83d a pair", "query: half ? a pair"),
    ],
)
def test_texts_are_prepared_one_way(raw: str, ready: str) -> None:
    assert prepare(raw) == ready


@given(st.text(st.characters(exclude_categories=())))
def test_every_string_has_an_answer(raw: str) -> None:
    ready = prepare(raw)
    assert ready.startswith(PREFIX)
    ready.encode("utf-8")
    assert unicodedata.is_normalized("NFC", ready)


def test_a_text_of_megabytes_is_cut() -> None:
    assert len(prepare("word " * 1_000_000)) <= MAX_CHARACTERS + len(PREFIX)


def test_what_is_cut_off_changes_nothing() -> None:
    assert prepare("x" * MAX_CHARACTERS + "tail") == prepare("x" * MAX_CHARACTERS)
