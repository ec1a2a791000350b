"""The way over CUDA, where there is a device: `pytest tests/gpu`."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

import numpy as np
import torch

from export.export import Plan, export
from models import registry
from models.budget import BUDGETS
from models.runtime import STREAMS, Classifier
from models.training import unpack
from models.training.train import gather, train
from tests.models import tiny
from tests.models.tiny import RECIPE, quiet

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device answers here"),
]


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny bundle in fp16."""
    folder = tmp_path_factory.mktemp("half")
    train(gather(tiny.sets(), Path()), tiny.start(), RECIPE, folder / "run", heads=tiny.HEADS)
    export(
        folder / "run",
        Plan(target=folder / "bundle", precision="fp16", data=Path(), sets=tiny.sets()),
        report=quiet,
    )
    return folder / "bundle"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ships, in fp16."""
    folder = tmp_path_factory.mktemp("full")
    unpack.unpack(registry.SHIP["base"], folder / "run")
    export(folder / "run", Plan(target=folder / "bundle", precision="fp16"), report=quiet)
    return folder / "bundle"


def test_it_says_the_labels_that_it_says_on_the_cpu(half: Path) -> None:
    texts = [row.text for one in tiny.sets() for row in one.load(Path()).test]
    labels = []
    for cpu in (False, True):
        classifier = Classifier.load(half, cache=0, cpu=cpu)
        assert classifier.device == ("CPU" if cpu else "CUDA")
        labels.append([np.argmax(one.probabilities["category"]) for one in classifier.classify(texts)])
        classifier.close()
    assert np.mean(np.equal(*labels)) >= 0.999


def test_two_streams_pinned_memory_and_a_budget_of_its_own(full: Path) -> None:
    classifier = Classifier.load(full, cache=0)
    assert (classifier.device, classifier.threads, classifier.pinned) == ("CUDA", STREAMS, True)
    assert classifier.tokens_a_run in BUDGETS
    assert classifier.tokens_a_run > BUDGETS[0]
    classifier.close()


def test_many_who_ask_at_once_get_their_own_answers(full: Path) -> None:
    texts = [f"Shares of number {number} fall{' after a warning' * (number % 40)}" for number in range(3_000)]
    classifier = Classifier.load(full, cache=0)
    alone = [one.probabilities for one in classifier.classify(texts)]
    parts = [texts[start : start + 500] for start in range(0, 3_000, 500)]
    with ThreadPoolExecutor(6) as pool:
        began = time.perf_counter()
        found = [one.probabilities for part in pool.map(classifier.classify, parts) for one in part]
        print(f"{len(texts) / (time.perf_counter() - began):.0f} texts/s, {classifier.tokens_a_run} tokens a run")
    classifier.close()
    for one, other in zip(alone, found, strict=True):
        for head, shares in one.items():
            np.testing.assert_allclose(shares, other[head], atol=5e-3)  # sums of fp16 in another order
