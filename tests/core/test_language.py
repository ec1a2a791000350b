"""Languages by script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.language import language_of, primary_subtag


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", ""),
        ("12.5% +3 !!!", ""),
        ("１２３，。", ""),
        ("Apple shares rise", "en"),
        ("Société Générale relève ses prévisions", "en"),
        ("苹果公司股价上涨", "zh"),
        ("苹果iPhone 17发布", "zh"),
        ("Alibaba (阿里巴巴) shares rise on strong earnings", "en"),
        ("トヨタ、電気自動車を発表", "other"),
        ("삼성전자 실적 발표", "other"),
        ("Газпром снизил добычу", "other"),
    ],
)
def test_language_of(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("tag", "subtag"),
    [
        ("en", "en"),
        ("EN-us", "en"),
        ("zh_CN", "zh"),
        (" zh-Hans-CN ", "zh"),
        ("", ""),
        ("x", ""),
        ("12", ""),
        ("e n", ""),
    ],
)
def test_primary_subtag(tag, subtag):
    assert primary_subtag(tag) == subtag


@given(st.text())
def test_any_text_has_an_answer(text):
    assert language_of(text) in {"zh", "en", "other", ""}
