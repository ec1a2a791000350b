"""A graph on kept memory says what it says on fresh memory, whatever ran before."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import manifest as manifests
from models import packing
from models.bound import Bound
from models.manifest import MODEL, Manifest
from models.runtime import Classifier

Rows = list[list[int]]


@pytest.fixture(scope="module")
def opened(shipped: Path) -> tuple[Manifest, Any]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return manifests.read(shipped), ort.InferenceSession(shipped / MODEL, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def bound(opened: tuple[Manifest, Any]) -> Bound:
    """One for the whole module: what a run leaves behind must not reach the next."""
    manifest, session = opened
    return Bound(session, manifest, tokens=256)


def fresh(opened: tuple[Manifest, Any], rows: Rows, length: int) -> list[Any]:
    manifest, session = opened
    ids = np.array([row + [manifest.pad] * (length - len(row)) for row in rows], np.int64)
    mask = np.array([[1] * len(row) + [0] * (length - len(row)) for row in rows], np.int64)
    found: list[Any] = session.run(list(manifest.labels), {"input_ids": ids, "attention_mask": mask})
    return found


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_run_has_the_bits_of_a_run_on_fresh_memory(opened: tuple[Manifest, Any], bound: Bound, data: Any) -> None:
    length = data.draw(st.sampled_from([8, 16, 24, 64]))
    row = st.lists(st.integers(5, 5_000), min_size=1, max_size=length)
    rows = data.draw(st.lists(row, min_size=1, max_size=256 // length))
    for one, other in zip(bound.run(rows, length), fresh(opened, rows, length), strict=True):
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()


def test_memory_for_the_greatest_run_is_enough(opened: tuple[Manifest, Any]) -> None:
    manifest, session = opened
    one = Bound(session, manifest, tokens=64)
    assert [logits.shape[0] for logits in one.run([[7]] * 8, packing.STEP)] == [8] * len(manifest.labels)
    assert [logits.shape[0] for logits in one.run([[7] * 64], 64)] == [1] * len(manifest.labels)


def test_without_cuda_nothing_is_pinned(opened: tuple[Manifest, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, session = opened
    monkeypatch.setattr("models.bound._cuda_runtime", lambda: None)
    assert not Bound(session, manifest, tokens=64, pin=True).pinned


class Driver:
    """Notes what is pinned, as CUDA's runtime would."""

    def __init__(self, *, refuses: bool) -> None:
        self.held: set[int] = set()
        self._refuses = refuses

    def cudaHostRegister(self, address: Any, size: Any, _flags: int) -> int:  # noqa: N802 - CUDA's name
        assert size.value > 0
        if not self._refuses:
            self.held.add(address.value)
        return int(self._refuses)

    def cudaHostUnregister(self, address: Any) -> int:  # noqa: N802 - CUDA's name
        self.held.remove(address.value)
        return 0


@pytest.mark.parametrize("refuses", [False, True])
def test_what_is_pinned_is_let_go(
    opened: tuple[Manifest, Any], monkeypatch: pytest.MonkeyPatch, *, refuses: bool
) -> None:
    manifest, session = opened
    driver = Driver(refuses=refuses)
    monkeypatch.setattr("models.bound._cuda_runtime", lambda: driver)
    one = Bound(session, manifest, tokens=64, pin=True)
    assert (one.pinned, len(driver.held)) == (not refuses, int(not refuses))
    del one
    assert not driver.held


def test_how_many_tokens_a_run_has_changes_no_answer(shipped: Path) -> None:
    texts = [f"Shares of number {number} fall{' after a warning' * (number % 5)}" for number in range(40)]
    answers = []
    for tokens in (None, 64, 2_048):
        classifier = Classifier.load(shipped, threads=2, cache=0, tokens=tokens)
        answers.append(classifier.classify(texts))
        assert not classifier.pinned
        classifier.close()
    assert answers[0] == answers[1] == answers[2]
