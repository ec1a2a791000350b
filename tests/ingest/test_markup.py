"""Text out of markup: what the pattern of old gave, in a time that grows with the length."""

from __future__ import annotations

import re
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest.markup import MARKUP_CHARS, without_tags

# What is promised, as one pattern; the square of the length where much is opened and nothing closed.
PATTERN = re.compile(r"<(script|style)\b[^>]*>.*?</\1\s*>|<!--.*?-->|<[^<>]*>", re.ASCII | re.IGNORECASE | re.DOTALL)
PIECES = ("<script", "<SCRIPT>", "</script", "</Script >", "<style a=1>", "</style>", "<!--", "-->", "<", ">", "<b>")


@given(st.lists(st.sampled_from((*PIECES, "a", " ", "\u017fcript>", "大", "\n"))).map("".join) | st.text())
def test_text_is_what_the_pattern_leaves(markup):
    assert without_tags(markup) == PATTERN.sub(" ", markup)


@pytest.mark.parametrize("piece", [*PIECES, "<script x ", "<script><!--", "<!--<", "</script ", "<style></style"])
def test_openers_without_an_end_take_no_square_of_time(piece):
    begun_s = thread_time()
    without_tags(piece * (MARKUP_CHARS // len(piece)))
    assert thread_time() - begun_s < 5  # of this thread's own time; the pattern took minutes


def test_markup_without_end_is_cut_before_a_tag():
    text = "x" * (MARKUP_CHARS - 5)
    assert without_tags(f"{text}<a href='https://news.example'>y</a>") == text
    assert without_tags(f"{text}<b>yyyyy") == f"{text} yy"
    assert without_tags("x" * 2 * MARKUP_CHARS) == "x" * MARKUP_CHARS
