"""A bundle becomes a run again, and the run's network answers as the bundle does."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

import torch
from tokenizers import Tokenizer

from export.export import Plan, export
from models.errors import BundleError, RunError
from models.runtime import Classifier
from models.text import prepare
from models.training import run_folder
from models.training.average import average
from models.training.recipe import Recipe
from models.training.train import gather, train
from models.training.unpack import unpack
from tests.models import tiny
from tests.models.test_cli import one_line, pulsewire

pytestmark = pytest.mark.train
SHIPPED = Path(__file__).parents[2] / "models" / "bundle"
RECIPE = Recipe(batch=16, max_length=24, encoder_rate=3e-3, heads_rate=1e-2, epochs=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train(gather(tiny.sets(), Path()), tiny.start(), RECIPE, folder, heads=tiny.HEADS)
    return folder


@pytest.mark.parametrize(("precision", "off"), [("fp32", 1e-6), ("fp16", 1e-3), ("int8", 0.05)])
def test_every_weight_comes_back(run: Path, tmp_path: Path, precision: str, off: float) -> None:
    plan = Plan(
        target=tmp_path / "bundle", name="tiny", data=Path(), sets=tiny.sets(), precision=precision, least_agreement=0.8
    )
    export(run, plan, report=lambda _done, _note="": None)
    made = unpack(tmp_path / "bundle", tmp_path / "again")
    before, after = run_folder.load(run), run_folder.load(tmp_path / "again")
    assert after[0] == made
    assert (made.heads, made.data, made.max_length) == (before[0].heads, before[0].data, before[0].max_length)
    assert made.seen == tuple(tiny.HEADS)
    known = unpack(tmp_path / "bundle", tmp_path / "known", held_out=["sentiment"])
    assert (known.seen, known.validation) == (tuple(tiny.HEADS)[1:], True)
    with pytest.raises(RunError, match="has no head mood, but "):
        unpack(tmp_path / "bundle", tmp_path / "other", held_out=["mood"])
    assert not made.validation
    ids, mask = torch.tensor([[0, 7, 9, 11, 2, 1], [0, 5, 6, 8, 10, 2]]), torch.tensor([[1] * 5 + [0], [1] * 6])
    with torch.inference_mode():
        said, again = before[1](ids, mask), after[1](ids, mask)
    for one, other in zip(said, again, strict=True):
        torch.testing.assert_close(other, one, atol=5 * off * max(float(one.std()), 1), rtol=0)
    for name, tensor in before[1].state_dict().items():
        if "embeddings" in name:
            continue  # positions and types are one table now
        torch.testing.assert_close(after[1].state_dict()[name], tensor, atol=off * float(tensor.abs().max()), rtol=0)


def test_the_shipped_bundle_answers_as_its_network_again(tmp_path: Path) -> None:
    run = unpack(SHIPPED, tmp_path / "shipped")
    _known, network, tokenizer_json = run_folder.load(tmp_path / "shipped")
    texts = [
        "Acme jumps on record profit",
        "connection to the database lost",
        "公司净利润大幅下降",
        "where is my card?",
    ]
    classifier = Classifier.load(SHIPPED, threads=1)
    try:
        said = classifier.classify(texts)
    finally:
        classifier.close()
    tokenizer = Tokenizer.from_str(tokenizer_json)
    heats = classifier.manifest.temperatures
    for text, answer in zip(texts, said, strict=True):
        ids = torch.tensor([tokenizer.encode(prepare(text)).ids])
        with torch.inference_mode():
            logits = network(ids, torch.ones_like(ids))
        for head, one in zip(run.heads, logits, strict=True):
            shares = torch.softmax(one[0] / heats[head], 0).numpy()
            assert np.abs(shares - answer.probabilities[head]).max() < 0.08, (text, head)


def test_a_run_and_a_bundle_have_a_mean(run: Path, tmp_path: Path) -> None:
    plan = Plan(target=tmp_path / "bundle", name="tiny", data=Path(), sets=tiny.sets(), least_agreement=0.8)
    export(run, plan, report=lambda _done, _note="": None)
    unpack(tmp_path / "bundle", tmp_path / "again")
    made = average([run, tmp_path / "again"], tmp_path / "mean")
    assert made.seen == tuple(sorted(tiny.HEADS))


def test_what_stands_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(RunError, match="is not empty"):
        unpack(SHIPPED, tmp_path)
    with pytest.raises(BundleError, match="there is no bundle"):
        unpack(tmp_path, tmp_path / "out")
    assert one_line(pulsewire("unpack", str(tmp_path))).startswith("pulsewire: there is no bundle")
