"""What each method learns, what a step lowers, and when training has seen enough."""

import hashlib
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

import torch
from hypothesis import given
from hypothesis import strategies as st

from models.training import loop, methods, objective, run_folder
from models.training.batches import Batch, Row
from models.training.command import Choices
from models.training.network import Network, seed
from models.training.recipe import Recipe
from models.training.train import gather, train
from models.training.validation import Measured, Validation, best, tired
from tests.models import tiny

pytestmark = pytest.mark.train
RECIPE = Recipe(batch=16, max_length=24, encoder_rate=3e-3, heads_rate=1e-2, steps=12)
LABELS = {"mood": ("bad", "good")}
BATCH = Batch("mood", (Row((0, 20, 21, 22, 2), 1), Row((0, 30, 2), 0), Row((0, 40, 41, 2), 1)))


def network() -> Network:
    start = tiny.start()
    seed(0)
    return Network(start.encoder, LABELS)


@pytest.mark.parametrize(
    ("method", "moved"),
    [
        ("full", {"word_embeddings.weight", "query.weight", "query.bias", "LayerNorm.weight"}),
        ("lora", {"query.weight", "key.weight", "value.weight", "dense.weight"}),
        ("adapters", {"key.weight", "value.weight", "dense.weight"}),
        ("head", set()),
    ],
)
def test_a_method_ends_as_a_plain_network_that_differs_where_it_learnt(
    method: str, moved: set[str], tmp_path: Path
) -> None:
    recipe = msgspec.structs.replace(RECIPE, method=method, rank=4)
    told = train(gather(tiny.sets(80), Path()), tiny.start(), recipe, tmp_path / "run", heads=tiny.HEADS)
    found, after, _tokenizer = run_folder.load(tmp_path / "run")
    before = tiny.start().encoder.state_dict()
    changed = {name for name, one in after.encoder.state_dict().items() if not torch.equal(one, before[name])}
    assert {".".join(name.split(".")[-2:]) for name in changed} >= moved
    if method != "full":
        assert all(name.endswith(tuple(moved) or ("",)) for name in changed)
    assert (found.method, bool(changed)) == (method, method != "head")
    assert found.measured[-1].step == told.steps == 12


@pytest.mark.parametrize("method", ["lora", "adapters"])
def test_merged_weights_answer_as_what_was_learnt_beside_them(method: str) -> None:
    learner = network()
    for module in learner.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.bias.data)
    before = {name: one.clone() for name, one in learner.state_dict().items()}
    methods.prepare(learner, msgspec.structs.replace(RECIPE, method=method, rank=4))
    for name, one in learner.named_parameters():
        if one.requires_grad and "encoder" in name:
            torch.nn.init.normal_(one.data, 0.5, 0.3)
    ids, mask, _labels = objective.tensors(BATCH, pad=1)
    merged = methods.plain(learner)
    (wanted,), (found,) = learner(ids, mask), merged(ids, mask)
    unlearnt = network()
    unlearnt.load_state_dict(before)
    assert not torch.allclose(wanted, unlearnt(ids, mask)[0], atol=1e-3)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    assert list(merged.state_dict()) == list(network().state_dict())
    torch.testing.assert_close(learner(ids, mask)[0], wanted, atol=0, rtol=0)


@pytest.mark.parametrize("cut", [1, 2])
def test_batches_that_are_added_up_are_one_batch(cut: int) -> None:
    whole, parts = network(), network()
    objective.backward(whole, BATCH, pad=1, smoothing=0.1)
    for rows in (BATCH.rows[:cut], BATCH.rows[cut:]):
        some = Batch("mood", rows)
        objective.backward(parts, some, pad=1, smoothing=0.1, share=len(rows) / 3)
    for one, other in zip(whole.heads.parameters(), parts.heads.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=2e-3, rtol=2e-2)  # bf16


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=32), tokens=st.integers(1, 200))
def test_a_batch_of_long_rows_is_read_in_parts(lengths: list[int], tokens: int) -> None:
    batch = Batch("mood", tuple(Row((0,) * length, 0) for length in lengths))
    parts = list(loop.parts(batch, tokens))
    assert [row for part in parts for row in part.rows] == list(batch.rows)
    longest = max(lengths)
    assert all(len(part.rows) * longest <= max(tokens, longest) for part in parts)
    assert len(parts) == 1 or (len(parts[0].rows) + 1) * longest > tokens


def test_validation_counts_what_each_head_declares() -> None:
    tasks = [("mood", BATCH.rows)]
    learner = network()
    learner.train()
    with torch.no_grad():
        learner.heads["mood"].weight.zero_()
        learner.heads["mood"].bias.copy_(torch.tensor([0.0, 1.0]))
    found = Validation(tasks, LABELS, pad=1).measure(learner, step=7)
    assert found == Measured(7, 0.4, {"mood": 0.4})  # all "good": F1 of 0.8 and of 0
    assert learner.training


@given(st.lists(st.integers(0, 5), min_size=1), st.integers(1, 4))
def test_training_ends_when_the_best_figure_is_old_enough(figures: list[int], patience: int) -> None:
    seen = [Measured(step, float(figure), {}) for step, figure in enumerate(figures)]
    highest = best(seen)
    assert highest.step == figures.index(max(figures))
    assert tired(seen, patience) == (len(figures) - 1 - highest.step >= patience)
    assert not tired(seen, 0)


def test_with_patience_the_best_weights_are_kept(tmp_path: Path) -> None:
    # Rates that spoil the heads after the first looks: what is kept is then not the last.
    spoiling = {"heads_rate": 0.3, "encoder_rate": 0.1, "epochs": 4}
    recipe = msgspec.structs.replace(RECIPE, steps=40, measure_every=2, patience=4, **spoiling)
    found = train(gather(tiny.sets(80), Path()), tiny.start(), recipe, tmp_path / "run", heads=tiny.HEADS)
    assert found.steps < found.steps_planned == 40
    assert found.kept_step == best(found.measured).step == found.steps - 8
    shorter = msgspec.structs.replace(recipe, patience=0)
    digests = set()
    for name in ("run", "last"):
        if name == "last":
            train(gather(tiny.sets(80), Path()), tiny.start(), shorter, tmp_path / name, heads=tiny.HEADS)
        digests.add(hashlib.sha256((tmp_path / name / "model.safetensors").read_bytes()).hexdigest())
    assert len(digests) == 2
    assert sorted(path.suffix for path in (tmp_path / "run").iterdir()).count(".safetensors") == 1


def test_choices_go_over_a_recipe() -> None:
    assert Choices().over(RECIPE).encoder_rate == RECIPE.encoder_rate
    found = Choices(method="lora", minutes=2).over(RECIPE)
    assert (found.encoder_rate, found.limit_s, found.heads_rate) == (1e-3, 120, 1e-2)
