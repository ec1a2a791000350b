"""Which language a text is written in, as far as its script tells."""

import re
from typing import Final

HAN_WEIGHT: Final = 4  # a Chinese character says about as much as four letters of a Latin word
KANA_SHARE: Final = 5  # one kana among five Han characters makes the text Japanese
LOOKED_AT: Final = 1_000  # characters; more would not change the answer

_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA: Final = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff]")
_LATIN: Final = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]")
_SUBTAG: Final = re.compile(r"[A-Za-z]{2,8}(?=[-_]|$)")


def language_of(text: str) -> str:
    """`zh`, `en` (any Latin script), `other`, or empty where there is no letter at all."""
    head = text[:LOOKED_AT]
    if head.isascii():
        return "en" if _LATIN.search(head) else ""
    han, latin = len(_HAN.findall(head)), len(_LATIN.findall(head))
    letters = sum(map(str.isalpha, head))
    if not letters:
        return ""
    if han and len(_KANA.findall(head)) * KANA_SHARE >= han:
        return "other"
    foreign = letters - han - latin
    weights = {"zh": han * HAN_WEIGHT, "en": latin, "other": foreign}
    return max(weights, key=weights.__getitem__)


def primary_subtag(tag: str) -> str:
    """`zh` of `zh-CN` or `ZH_cn`; empty where `tag` is no language tag."""
    found = _SUBTAG.match(tag.strip())
    return found[0].lower() if found else ""
