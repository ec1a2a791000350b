"""The mean of runs: what it holds, what does not go together."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

import torch

from models.errors import RunError
from models.training import run_folder
from models.training.average import POSITIONS, TYPES, WORDS, average
from models.training.recipe import Recipe
from models.training.train import gather, train
from tests.models import tiny
from tests.models.test_cli import one_line, pulsewire

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two, of different seeds."""
    folders = [tmp_path_factory.mktemp("runs") / name for name in ("one", "two")]
    for seed, folder in enumerate(folders):
        recipe = Recipe(batch=16, max_length=24, encoder_rate=3e-3, heads_rate=1e-2, epochs=2, seed=seed)
        train(gather(tiny.sets(), Path()), tiny.start(), recipe, folder, heads=tiny.HEADS)
    return folders


def test_the_mean_is_a_run_like_any(runs: list[Path], tmp_path: Path) -> None:
    made = average(runs, tmp_path / "mean")
    assert made.averaged == ("one, seed 0", "two, seed 1")
    known, network, _tokenizer = run_folder.load(tmp_path / "mean")
    assert known == made
    states = [run_folder.load(folder)[1].state_dict() for folder in runs]
    for name in ("weight", "bias"):  # they began alike
        one, other = (torch.cat([state[f"heads.{head}.{name}"].flatten() for head in tiny.HEADS]) for state in states)
        assert torch.cosine_similarity(one, other, 0) > 0.5
    assert any(not torch.equal(one, other) for one, other in zip(*(state.values() for state in states), strict=True))
    expected = {name: (states[0][name] + states[1][name]) / 2 for name in states[0]}
    for name, tensor in network.state_dict().items():
        if name == TYPES:
            assert not tensor.any()
        elif name == POSITIONS:
            assert torch.allclose(tensor[:24], (expected[name] + expected[TYPES][0])[:24], atol=1e-6)
        else:
            assert torch.allclose(tensor, expected[name], atol=1e-6)


def test_a_run_has_a_say_in_what_it_knows_alone(runs: list[Path], tmp_path: Path) -> None:
    """The second read shorter texts, has its pieces in another order, lacks one, and has one that the first lacks."""
    run, network, tokenizer_json = run_folder.load(runs[1])
    described = json.loads(tokenizer_json)
    pieces = described["model"]["vocab"]
    rare, one, other = pieces[-1][0], pieces[-2], pieces[-3]
    pieces[-3:] = [one, other, ["unheard", -9.0]]
    words = network.state_dict()[WORDS]
    words[[-3, -2]] = words[[-2, -3]]
    shorter = msgspec.structs.replace(run, max_length=10, data=())
    run_folder.save(tmp_path / "second", shorter, network, json.dumps(described))
    made = average([runs[0], tmp_path / "second"], tmp_path / "mean")
    assert (made.max_length, made.data) == (24, run.data)
    mean, first, second = (run_folder.load(folder)[1].state_dict() for folder in (tmp_path / "mean", runs[0], runs[1]))
    assert (tmp_path / "mean" / "tokenizer.json").read_text() == (runs[0] / "tokenizer.json").read_text()
    assert rare in (tmp_path / "mean" / "tokenizer.json").read_text()
    assert torch.allclose(mean[WORDS][:-1], (first[WORDS] + second[WORDS])[:-1] / 2, atol=1e-6)
    assert torch.equal(mean[WORDS][-1], first[WORDS][-1])
    tables = [state[POSITIONS] + state[TYPES][0] for state in (first, second)]
    assert torch.allclose(mean[POSITIONS][:10], (tables[0] + tables[1])[:10] / 2, atol=1e-6)
    assert torch.allclose(mean[POSITIONS][10:24], tables[0][10:24], atol=1e-6)


def test_two_seeds_have_two_orders() -> None:
    orders = [Recipe(seed=seed).order(epoch) for seed in range(3) for epoch in range(10)]
    assert len(set(orders)) == len(orders)


def test_what_does_not_go_together_is_refused(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="two runs or more"):
        average(runs[:1], tmp_path / "mean")
    other = shutil.copytree(runs[1], tmp_path / "other")
    run = run_folder.load(other)[0]
    (other / "run.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(run, base="another")))
    with pytest.raises(RunError, match="differ in their base"):
        average([runs[0], other], tmp_path / "mean")
    assert "holds no whole training run" in one_line(pulsewire("average", str(runs[0]), str(tmp_path)))
    assert not (tmp_path / "mean").exists()
