"""Cutting a multilingual vocabulary down to Chinese and English: 250,000 pieces to about 41,000.

Kept are, in their old order: the special pieces; every piece of Chinese characters; every short piece of ASCII and of
punctuation, from which any other word can be spelt; and every piece that a training text uses. The rest of the Latin
pieces belongs to other languages. Unigram scores are kept, so a text of kept pieces is cut as it was before.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer

SPECIAL = 4  # <s>, <pad>, </s>, <unk>
SHORT = 3
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_READABLE = re.compile(
    r"[\u2581\x20-\x7e\u00a0-\u00bf\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u21ff\u2460-\u24ff"
    r"\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]+"
)
_BATCH = 2_000


def trim(tokenizer_json: str, texts: Sequence[str]) -> tuple[str, list[int]]:
    """The smaller tokenizer as JSON, and the old ids of its pieces, ascending (row i of the new table is old row i)."""
    description = json.loads(tokenizer_json)
    pieces = [piece for piece, _score in description["model"]["vocab"]]
    used = _used(tokenizer_json, texts)
    kept = [number for number, piece in enumerate(pieces) if number in used or _by_script(number, piece)]
    return json.dumps(_cut(description, kept), ensure_ascii=False), kept


def _used(tokenizer_json: str, texts: Sequence[str]) -> set[int]:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    used: set[int] = set()
    for start in range(0, len(texts), _BATCH):
        for encoding in tokenizer.encode_batch_fast(list(texts[start : start + _BATCH])):
            used.update(encoding.ids)
    return used


def _by_script(number: int, piece: str) -> bool:
    if number < SPECIAL:
        return True
    readable = _READABLE.fullmatch(piece) is not None
    return readable and (len(piece) <= SHORT or _CHINESE.search(piece) is not None)


def _cut(description: dict[str, Any], kept: list[int]) -> dict[str, Any]:
    new = {old: position for position, old in enumerate(kept)}
    vocabulary = description["model"]["vocab"]
    description["model"]["vocab"] = [vocabulary[old] for old in kept]
    added = description["added_tokens"]
    description["added_tokens"] = [token | {"id": new[token["id"]]} for token in added if token["id"] in new]
    return description
