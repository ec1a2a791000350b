"""A student: what it begins with, what it is told, and that it comes to say what its teacher says."""

from pathlib import Path

import msgspec
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

import numpy as np
import torch

from export.export import Plan, export
from models.datasets import unlabelled
from models.datasets.dataset import Dataset, Split
from models.datasets.unlabelled import Source
from models.errors import RunError
from models.runtime import Classifier
from models.training import distil, lessons, run_folder, student, teacher
from models.training.distil import Recipe
from models.training.network import Network
from models.training.recipe import Recipe as TeachersRecipe
from models.training.train import gather, train
from tests.models import tiny
from tests.models.test_cli import one_line, pulsewire
from tests.models.test_resume import full_disk
from tests.models.tiny import quiet

pytestmark = pytest.mark.train
RECIPE = Recipe(batch=16, rate=3e-3, heads_rate=1e-2, epochs=4, average=0.9)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two layers."""
    folder = tmp_path_factory.mktemp("runs") / "large"
    recipe = TeachersRecipe(batch=16, max_length=24, encoder_rate=3e-3, heads_rate=1e-2, epochs=5)
    train(gather(tiny.sets(), Path()), tiny.start(), recipe, folder, heads=tiny.HEADS)
    return folder


@pytest.fixture(scope="module")
def small(large: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one layer that was taught by it, on texts without labels, too."""
    folder = tmp_path_factory.mktemp("students") / "small"
    more = [row.text for head in tiny.HEADS for row in tiny.rows(head, 40, 5_000)]
    texts = lessons.numbered(gather(tiny.sets(), Path()), more)
    student.taught(large, folder, texts, RECIPE, layers=(1,), report=quiet)
    return folder


def test_the_student_says_what_its_teacher_says(large: Path, small: Path, tmp_path: Path) -> None:
    rows = {head: [row.text for row in tiny.rows(head, 40, 10_000)] for head in tiny.HEADS}
    said = []
    for run in (large, small):
        export(run, Plan(target=tmp_path / run.name, name=run.name, least_agreement=0.8), report=quiet)
        classifier = Classifier.load(tmp_path / run.name, threads=1, cache=0)
        said.append({
            head: [np.argmax(one.probabilities[head]) for one in classifier.classify(some)]
            for head, some in rows.items()
        })  # fmt: skip
        classifier.close()
    for head in tiny.HEADS:
        assert np.mean(np.array(said[0][head]) == np.array(said[1][head])) > 0.9, head
    sizes = [(tmp_path / name / "model.onnx").stat().st_size for name in ("large", "small")]
    assert sizes[1] < sizes[0]


def test_a_students_run_says_where_it_comes_from(large: Path, small: Path) -> None:
    known, before, _tokenizer = run_folder.load(large)
    made, after, _tokenizer = run_folder.load(small)
    assert (made.name, made.teacher) == ("small", "large, layers 2")
    assert made.heads == known.heads
    assert made.steps == made.steps_planned > 0
    assert after.encoder.config.num_hidden_layers == 1
    words = [one.encoder.embeddings.word_embeddings.weight for one in (before, after)]
    assert torch.equal(*words)
    lines = [msgspec.json.decode(line) for line in (small / "log.jsonl").read_bytes().splitlines()]
    losses = [line["loss"] for line in lines]
    assert np.mean(losses[-3:]) < 0.7 * losses[0]


def test_a_student_begins_with_layers_of_its_teacher(large: Path) -> None:
    run, network, _tokenizer = run_folder.load(large)
    made = distil.student(network, run.heads, (1,))
    old, new = network.encoder.encoder.layer[1].state_dict(), made.encoder.encoder.layer[0].state_dict()
    assert old.keys() == new.keys()
    assert all(torch.equal(old[name], new[name]) for name in old)
    for head in run.heads:
        assert torch.equal(network.heads[head].weight, made.heads[head].weight)


def test_a_student_goes_on_with_a_teacher_of_other_words(large: Path, small: Path, tmp_path: Path) -> None:
    run, network, tokenizer_json = run_folder.load(large)
    with torch.no_grad():
        network.encoder.embeddings.word_embeddings.weight += 0.01
    network.encoder.embeddings.requires_grad_(False)
    run_folder.save(tmp_path / "anew", msgspec.structs.replace(run, name="anew"), network, tokenizer_json)
    texts = lessons.numbered(gather(tiny.sets(40), Path()), [])
    slow = msgspec.structs.replace(RECIPE, rate=1e-7, heads_rate=1e-7, epochs=1)
    made = student.taught(tmp_path / "anew", tmp_path / "on", texts, slow, further=small, report=quiet)
    assert made.teacher == "anew, went on from small"
    assert made.recipe["seed"] == RECIPE.epochs
    (_, before, _), (_, after, tokens) = run_folder.load(small), run_folder.load(tmp_path / "on")
    assert tokens == tokenizer_json
    for name, one in after.state_dict().items():
        own = network if name.startswith("encoder.embeddings.") else before
        torch.testing.assert_close(one, own.state_dict()[name], atol=1e-4, rtol=0)


def test_a_student_goes_on_only_where_it_can(
    large: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSEWIRE_SEED_DATA", str(tmp_path))
    run, network, tokenizer_json = run_folder.load(small)
    fewer = dict(list(run.heads.items())[:1])
    run_folder.save(
        tmp_path / "fewer", msgspec.structs.replace(run, heads=fewer), Network(network.encoder, fewer), tokenizer_json
    )
    with pytest.raises(RunError, match=r"fewer and its teacher .*large differ in their heads: begin anew, without --f"):
        student._require_like(tmp_path / "fewer", large)
    student._require_like(small, large)
    result = pulsewire("distil", str(large), "--out", str(small), "--from", str(small), "--replace")
    assert result.exit_code == 1
    assert "would be written over the one that it goes on from" in one_line(result)
    result = pulsewire("distil", str(large), "--from", str(small), "--layers", "3")
    assert result.exit_code == 2
    assert "--layers goes without --from" in result.stderr


@pytest.mark.parametrize(
    ("of", "layers", "taken"), [(12, 4, (2, 5, 8, 11)), (12, 3, (3, 7, 11)), (2, 1, (1,)), (5, 2, (1, 4))]
)
def test_layers_are_taken_evenly(of: int, layers: int, taken: tuple[int, ...]) -> None:
    assert distil.spread(of, layers) == taken


def test_the_teacher_is_asked_once(large: Path, tmp_path: Path) -> None:
    run, network, _tokenizer = run_folder.load(large)
    texts = [tuple(range(4, 4 + length)) for length in (9, 3, 17, 3)]
    weights = large / "model.safetensors"
    first = teacher.answers(network, weights, texts, tmp_path, report=quiet)
    for ids, logits, pooled in zip(texts, first.logits, first.pooled, strict=True):
        alone = torch.tensor([ids])
        with torch.no_grad():
            own = network.pooled(alone, torch.ones_like(alone))
            said = torch.cat([network.heads[head](own) for head in run.heads], 1)
        np.testing.assert_allclose(pooled, own[0].numpy(), atol=0.05)
        np.testing.assert_allclose(logits, said[0].numpy(), atol=0.3)

    silent = distil.student(network, run.heads, (0,))  # another would answer otherwise
    again = teacher.answers(silent, weights, texts, tmp_path, report=quiet)
    assert np.array_equal(first.logits, again.logits)
    other = teacher.answers(silent, weights, texts[:2], tmp_path, report=quiet)
    assert not np.array_equal(first.logits[:2], other.logits)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    network = Network(tiny.start().encoder, tiny.HEADS)
    with full_disk(), pytest.raises(RunError, match=r"answers-.* cannot be written .*: make room, then give the same"):
        teacher.answers(network, Path(__file__), [(4, 5)], tmp_path / "teacher", report=quiet)
    assert list((tmp_path / "teacher").iterdir()) == []
    keeper = student._Keeper(tmp_path, run_folder.Run("", "", "", {}, 8, "", (), {}, ""), network, "")
    with full_disk(), pytest.raises(RunError, match=r"log\.jsonl cannot be written .*: make room, then give the same"):
        keeper.after(distil.Seen(10, 20, 0.5, 16, 1.0, 0.5))


def test_a_student_that_says_the_same_is_not_apart() -> None:
    logits = torch.tensor([[1.0, 2.0, -1.0], [0.0, 4.0, 1.0]])
    assert distil.divergence(logits + 3, logits, 2.0).item() == pytest.approx(0, abs=1e-6)
    assert distil.divergence(logits.flip(1), logits, 2.0).item() > 0.1


def test_rows_are_numbered_by_their_texts() -> None:
    material = gather(tiny.sets(20), Path())
    twice = msgspec.structs.replace(material, tasks=(*material.tasks, *material.tasks))
    found = lessons.numbered(twice, ["one more", "one more"])
    assert len(found.texts) == len(set(found.texts)) == len(set(material.texts)) + 1
    assert len(found.rows) == 2 * len(material.texts) + 2
    for number, head, label in found.rows[: len(material.texts)]:
        assert any(row.label == label and row.text == found.texts[number] for row in dict(material.tasks)[head])
    assert found.rows[-1] == (len(found.texts) - 1, "", "")


def test_texts_without_labels_are_new_and_not_held_out() -> None:
    learnt = [f"shares of the maker of {tiny.filler(number)} rise" for number in range(40)]
    held_out = [f"shares of the maker of {tiny.filler(number)} fall" for number in range(100, 140)]
    fresh = [f"shares of the maker of {tiny.filler(number)} stay" for number in range(200, 260)]
    about = Dataset("made", "sentiment", "none", "made up", (), lambda _data: Split((), ()))
    source = Source(about, (*learnt, *held_out, *fresh, *fresh), 1_000)
    found = unlabelled.gather([source], Path(), held_out=held_out, learnt=learnt)
    taken = found.texts[: found.records[0].train_rows]
    assert 40 < len(taken) == len(set(taken))
    assert set(taken) <= set(fresh)
    assert found == unlabelled.gather([source], Path(), held_out=held_out, learnt=learnt)
    strung = found.texts[len(taken) :]
    assert len(strung) == 4
    assert all(any(part in text for part in learnt) and len(text) > 100 for text in strung)


def test_a_student_has_fewer_layers_than_its_teacher(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(student, "CATALOGUE", tiny.sets())
    with pytest.raises(RunError, match="the teacher has 2 layers"):
        student.run(large, tmp_path / "small", tmp_path, RECIPE, layers=2, report=quiet)
    assert not (tmp_path / "small").exists()


def test_a_teacher_without_a_head_of_the_sets_is_refused_at_once(large: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"knows the head intent not at all: run `pulsewire train --from .*large` first"):
        student.run(large, tmp_path / "small", tmp_path, RECIPE, layers=1, report=quiet)
    with pytest.raises(RunError, match="knows the head sentiment with other labels"):
        student._require_heads(large, {"sentiment": ("negative", "positive")})


def test_a_student_that_is_there_is_kept(large: Path, small: Path, tmp_path: Path) -> None:
    before = (small / "run.json").read_bytes()
    with pytest.raises(RunError, match="--replace"):
        student.run(large, small, tmp_path, RECIPE, layers=1, report=quiet)
    assert (small / "run.json").read_bytes() == before


def test_a_folder_without_a_run_is_no_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEWIRE_SEED_DATA", str(tmp_path))
    assert "holds no whole training run" in one_line(pulsewire("distil", str(tmp_path), "--out", str(tmp_path / "x")))
