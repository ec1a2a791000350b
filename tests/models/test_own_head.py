"""A head for a user's own labels: what a CSV may hold, the head in closed form, the graph with one head more."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

pytest.importorskip("onnx", reason="needs the extra `train`")

import onnx

from models import heads, registry
from models import manifest as manifests
from models.calibration import tempered
from models.datasets import own
from models.datasets.duplicates import groups
from models.errors import BundleError, DatasetError, HeadError
from models.runtime import Classifier
from models.training import discriminant
from models.training.graft import Graft
from tests.models.test_cli import one_line, pulsewire

pytestmark = pytest.mark.train

SAID = {
    "refund": "I want my money back",
    "delivery": "where is my parcel, when will it arrive",
    "password": "I forgot my password and cannot log in",
}
TAILS = ("please", "today", "again", "since Monday", "from the shop", "on my phone", "for my sister", "as promised")


def labelled() -> str:
    """Eight rows for each of three labels."""
    lines = [f'"{said} {tail}",{label}' for label, said in SAID.items() for tail in TAILS]
    return "\n".join(["text,label", *lines]) + "\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(labelled())
    return path


def names_in(graph: onnx.GraphProto) -> set[str]:
    """Whatever is called something in it."""
    made = {output for node in graph.node for output in node.output}
    return made | {one.name for one in (*graph.node, *graph.initializer, *graph.input, *graph.output)}


def taught(mine: Path, out: Path, *more: str) -> Result:
    return pulsewire("train", "--head", "desk", "--data", str(mine), "--out", str(out), *more)


def test_a_head_is_taught_and_used_at_once(shipped: Path, mine: Path, tmp_path: Path) -> None:
    result = taught(mine, tmp_path / "desk", "--kinds", "user")
    assert result.exit_code == 0
    assert "of left-out rows right (24 rows, 3 labels)" in result.stderr
    texts = ["my parcel has not arrived", "give me back my money", "Acme shares jump 12%", "password forgotten"]
    before, after = (Classifier.load(folder, threads=1) for folder in (shipped, tmp_path / "desk"))
    readings = after.classify(texts)
    names = after.manifest.labels["desk"]
    said = [names[one.probabilities["desk"].index(max(one.probabilities["desk"]))] for one in readings]
    assert (said[0], said[1], said[3]) == ("delivery", "refund", "password")
    for old, new in zip(before.classify(texts), readings, strict=True):
        assert old.probabilities.items() <= new.probabilities.items()
    for text, together in zip(texts, readings, strict=True):
        assert after.classify([text]) == [together]
    assert after.manifest.data[-1].name == "mine.csv"
    assert ["desk" in after.manifest.heads_for(kind) for kind in ("news", "logs", "user")] == [False, False, True]
    before.close()
    after.close()


def test_a_second_head_goes_beside_the_first_and_the_same_rows_give_the_same_bundle(mine: Path, tmp_path: Path) -> None:
    assert taught(mine, tmp_path / "one").exit_code == 0
    assert taught(mine, tmp_path / "same").exit_code == 0
    one, same = (manifests.read(tmp_path / name) for name in ("one", "same"))
    assert one.files == same.files
    again = pulsewire("train", "--head", "queue", "--data", str(mine), "--bundle", str(tmp_path / "one"),
                      "--out", str(tmp_path / "two"))  # fmt: skip
    assert again.exit_code == 0
    assert list(manifests.read(tmp_path / "two").labels)[-2:] == ["desk", "queue"]
    assert "has a head desk already" in one_line(taught(mine, tmp_path / "x", "--bundle", str(tmp_path / "two")))
    assert "is whole" in pulsewire("bundle", "verify", str(tmp_path / "two")).stdout


def test_a_bundle_that_is_there_is_not_replaced_unasked(mine: Path, tmp_path: Path) -> None:
    assert taught(mine, tmp_path / "desk").exit_code == 0
    before = (tmp_path / "desk" / "manifest.json").read_bytes()
    assert "pass --replace" in one_line(taught(mine, tmp_path / "desk"))
    assert (tmp_path / "desk" / "manifest.json").read_bytes() == before
    assert taught(mine, tmp_path / "desk", "--replace").exit_code == 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"text,label\n", "holds no labelled text"),
        (b"message,kind\na,b\n", "has the columns message, kind: name yours with --text-column"),
        (b"text,label\na,x\nb,x\n", "holds only the label 'x'"),
        (b"text,label\na,x\nb,x\nc,y\n", "label 'y' has one row"),
        (b"text,label\na,x\n,x\n", "line 3: 'text' is empty"),
        (b"text,label\na,x\nb\n", "line 3: 'label' is empty"),
        (b"text,label\na,x\na,y\n", "'a' is labelled 'x' and 'y'"),
        (b"text,label\nfine,x\ncaf\xe9,y\n", "line 3: byte 0xe9 is no UTF-8"),
        (b"text,label\n" + b"".join(b"t%d,l%d\n" % (n, n) for n in range(600)), "holds 600 labels"),
    ],
)
def test_a_csv_that_is_none_is_told_in_one_line(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    assert why in one_line(taught(path, tmp_path / "desk"))
    assert not (tmp_path / "desk").exists()
    with pytest.raises(DatasetError):
        own.read(path)


def test_a_csv_may_begin_with_a_mark_repeat_rows_and_name_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes("\ufefftext,label\nein,x\nein,x\nzwei,x\n\ndrei,y\nvier,y\n".encode())
    found = own.read(path)
    assert (len(found.rows), found.labels) == (4, ("x", "y"))
    assert found.remarks[0] == "1 rows repeat others and are left out"
    assert "2 of 2 labels have less than 8 rows" in found.remarks[1]
    path.write_text("id;kind,said\n1,x\n")
    with pytest.raises(DatasetError, match="has the columns id;kind, said"):
        own.read(path)


def test_wrong_words_are_wrong_usage_or_told(mine: Path, tmp_path: Path) -> None:
    assert pulsewire("train", "--head", "desk").exit_code == 2
    assert pulsewire("train", "--data", str(mine)).exit_code == 2
    assert taught(mine, tmp_path / "x", "--kinds", "news,mail").exit_code == 2
    missing = pulsewire("train", "--head", "desk", "--data", str(tmp_path / "no.csv"))
    assert "cannot be read" in one_line(missing)
    for name in ("Desk!", "text", "sentiment_score", "../desk"):
        assert "cannot be called" in one_line(pulsewire("train", "--head", name, "--data", str(mine)))
    assert "has a head sentiment already" in one_line(
        pulsewire("train", "--head", "sentiment", "--data", str(mine), "--out", str(tmp_path / "x"))
    )


def test_a_head_called_as_a_part_of_another_goes_beside_it(mine: Path, tmp_path: Path) -> None:
    assert taught(mine, tmp_path / "one").exit_code == 0
    beside = ("--data", str(mine), "--bundle", str(tmp_path / "one"), "--out", str(tmp_path / "two"))
    assert pulsewire("train", "--head", "desk_bias", *beside).exit_code == 0
    assert "is whole" in pulsewire("bundle", "verify", str(tmp_path / "two")).stdout


def test_a_head_called_as_anything_in_the_graph_is_refused_before_a_text_is_read(mine: Path, tmp_path: Path) -> None:
    out = ("--data", str(mine), "--out", str(tmp_path / "x"))
    for name in ("last", "label_counts", "depth_0_total", "per_127"):
        assert "take another name, such as desk" in one_line(pulsewire("train", "--head", name, *out))
    assert taught(mine, tmp_path / "one").exit_code == 0
    graph = onnx.load(tmp_path / "one" / "model.onnx")
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(1), "desk_bias"))  # as once was
    onnx.save(graph, tmp_path / "old.onnx")
    with pytest.raises(HeadError, match="calls something else 'desk_bias': take another name"):
        Graft(tmp_path / "old.onnx").require_free("desk_bias")


def test_no_name_in_a_bundle_that_ships_or_has_a_head_more_is_free_for_a_head(mine: Path, tmp_path: Path) -> None:
    assert taught(mine, tmp_path / "one").exit_code == 0
    for folder in (registry.SHIP["small"], tmp_path / "one"):
        graph = onnx.load(folder / "model.onnx").graph
        for name in names_in(graph) - set(manifests.read(folder).labels):
            with pytest.raises(HeadError):
                heads.require_name(name)


@pytest.mark.parametrize(
    "option", [["--method", "lora"], ["--epochs", "3"], ["--patience", "2"], ["--resume"], ["--from", "runs/base"],
               ["--add", "mine.csv:sentiment"], ["--threads", "1"], ["--seed", "0"], ["--steps", "9"]]
)  # fmt: skip
def test_an_option_that_one_head_passes_over_is_wrong_usage(option: list[str], mine: Path, tmp_path: Path) -> None:
    result = taught(mine, tmp_path / "x", *option)
    assert result.exit_code == 2
    assert f"for {option[0]}: goes with training all heads" in result.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("command", "by"), [(["evaluate"], "--data"), (["export", "run"], "--add")])
def test_a_column_of_no_file_is_wrong_usage(command: list[str], by: str) -> None:
    result = pulsewire(*command, "--label-column", "mood")
    assert result.exit_code == 2
    assert f"for --label-column: goes with {by}, which names a file" in result.stderr


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (["--bundle", "small"], "for --bundle: goes with --head and --data"),
        (["--kinds", "news"], "for --kinds: goes with --head and --data"),
        (["--text-column", "said"], "for --text-column: goes with --data or --add"),
    ],
)
def test_an_option_that_training_all_heads_passes_over_is_wrong_usage(option: list[str], why: str) -> None:
    result = pulsewire("train", *option)
    assert result.exit_code == 2
    assert why in result.stderr


def test_what_was_not_exported_here_is_not_grafted(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "other", [value],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])])  # fmt: skip
    save(helper.make_model(graph), tmp_path / "other.onnx")
    with pytest.raises(BundleError, match="a head cannot be added"):
        Graft(tmp_path / "other.onnx")


def test_the_closed_form_separates_what_can_be_separated() -> None:
    chance = np.random.default_rng(0)
    centres = chance.normal(0, 1, (4, 60))
    truth = np.arange(80) % 4
    x = centres[truth] + chance.normal(0, 1, (80, 60))
    found = discriminant.fit(x, truth, 4)
    assert found.accuracy > 0.9
    fresh = np.arange(400) % 4
    logits = found.head.logits(centres[fresh] + chance.normal(0, 1, (400, 60)))
    assert (logits.argmax(1) == fresh).mean() > 0.9
    again = discriminant.fit(x, truth, 4)
    assert (again.sure, again.head.weight.tolist()) == (found.sure, found.head.weight.tolist())


@pytest.mark.parametrize("apart", [1.0, 1e3])
def test_a_few_rows_that_are_all_right_make_no_head_certain(apart: float) -> None:
    """They were hundreds of logits apart: any text at all was one of the labels with a share of 1."""
    chance = np.random.default_rng(0)
    centres, truth = apart * chance.normal(0, 9, (3, 60)), np.arange(24) % 3
    found = discriminant.fit(centres[truth] + chance.normal(0, 1, (24, 60)), truth, 3)
    assert found.accuracy == 1.0
    fresh = centres[truth] + chance.normal(0, 1, (24, 60))
    shares = tempered(found.head.logits(fresh), 1.0)
    assert 25 / 26 - 0.05 < shares.max(1).mean() < 25 / 26 + 0.03
    assert 0 < found.sure <= shares.max()


def test_what_is_known_by_heart_is_not_counted_as_right() -> None:
    chance = np.random.default_rng(0)
    texts = [" ".join(chance.choice(list("abcdefghijklmnop"), 12)) for _ in range(40)]
    said = chance.integers(0, 2, 40)  # at random: there is nothing to learn
    x = np.repeat(chance.normal(0, 1, (40, 60)), 5, axis=0)
    told = [f"{text} {word}" for text in texts for word in ("one", "two", "three", "four", "five")]
    truth = np.repeat(said, 5)
    assert discriminant.fit(x, truth, 2).accuracy > 0.95
    assert discriminant.fit(x, truth, 2, groups=groups(told)).accuracy < 0.8
    assert discriminant.fit(x, truth, 2, groups=[0] * 200).accuracy < 0.8  # nothing is left to learn from


def test_rows_that_are_all_different_are_left_out_label_by_label() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2, 0, 0, 0, 0])
    folds = discriminant._folds(truth, 3, np.arange(10))
    assert folds.tolist() == [0, 1, 1, 2, 2, 3, 2, 3, 4, 0]
