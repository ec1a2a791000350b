"""A bundle that is not what its manifest says is refused, with one line that says what is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models import manifest
from models.errors import BundleError
from models.runtime import Classifier
from tests.models.test_cli import one_line, pulsewire


def rewrite(path: Path, content: bytes) -> None:
    path.unlink()  # a link to what ships: never written through
    path.write_bytes(content)


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / manifest.MANIFEST
    values = msgspec.json.decode(path.read_bytes())
    change(values)
    rewrite(path, msgspec.json.encode(values))


def test_the_shipped_bundle_is_whole(shipped: Path) -> None:
    found = manifest.read(shipped)
    assert found.name == f"base-int8-{found.files[manifest.MODEL].sha256[:8]}"
    assert {one.licence for one in found.data} >= {"MIT", "Apache-2.0"}
    assert found.metrics["tfns"]["accuracy"] >= 0.84
    assert found.metrics["tfnt"]["accuracy"] >= 0.84


def test_which_heads_answer_for_a_kind_is_said_by_the_bundle_or_else_declared(shipped: Path) -> None:
    known = msgspec.structs.replace(manifest.read(shipped), kinds={})
    assert known.heads_for("news") == ("sentiment", "category")
    assert known.heads_for("logs") == ("severity",)
    taught = msgspec.structs.replace(known, labels=known.labels | {"desk": ("a", "b")}, kinds={"category": ("user",)})
    assert taught.heads_for("news") == ("sentiment", "desk")
    assert {"category", "desk"} <= set(taught.heads_for("user"))


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no bundle in"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b"\xff"])
def test_a_manifest_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / manifest.MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match="cannot be read"):
        manifest.read(tmp_path)


def test_a_changed_file(linked: Path) -> None:
    content = bytearray((linked / manifest.MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    rewrite(linked / manifest.MODEL, bytes(content))
    with pytest.raises(BundleError, match=r"model\.onnx has the sha256"):
        manifest.read(linked)


def test_a_file_cut_off(linked: Path) -> None:
    rewrite(linked / manifest.MODEL, (linked / manifest.MODEL).read_bytes()[:1_000_000])
    with pytest.raises(BundleError, match=r"model\.onnx has 1,000,000 bytes, not"):
        manifest.read(linked)


def test_a_file_missing(linked: Path) -> None:
    (linked / manifest.TOKENIZER).unlink()
    with pytest.raises(BundleError, match=r"tokenizer\.json is missing"):
        manifest.read(linked)


def more_labels(values: dict[str, Any]) -> None:
    values["labels"]["category"].append("Sports")


def other_sentiment(values: dict[str, Any]) -> None:
    values["labels"]["sentiment"].reverse()


def label_twice(values: dict[str, Any]) -> None:
    values["labels"]["category"][1] = values["labels"]["category"][0]


def other_inputs(values: dict[str, Any]) -> None:
    values["inputs"][0]["name"] = "tokens"


def other_normalization(values: dict[str, Any]) -> None:
    values["normalization"] = "0"


def other_format(values: dict[str, Any]) -> None:
    values["format"] = 2


def outside_file(values: dict[str, Any]) -> None:
    values["files"]["../model.onnx"] = values["files"]["model.onnx"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (more_labels, "outputs do not fit the labels"),
        (other_sentiment, "head sentiment has the labels"),
        (label_twice, "head category names a label twice"),
        (other_inputs, "its inputs are tokens:int64"),
        (other_normalization, "normalised by rule '0'"),
        (other_format, "format 2 is not 1"),
        (lambda values: values.update(max_length=-1), "max_length is -1"),
        (lambda values: values.update(pad=-1), "its pad -1"),
        (outside_file, r"\.\./model\.onnx is missing"),
    ],
)
def test_a_manifest_that_does_not_fit(linked: Path, change: Callable[[dict[str, Any]], None], says: str) -> None:
    edit(linked, change)
    with pytest.raises(BundleError, match=says) as caught:
        manifest.read(linked)
    assert "\n" not in str(caught.value)


def one_category_less(values: dict[str, Any]) -> None:
    values["labels"]["category"].pop()
    values["outputs"][1]["shape"][1] -= 1


def test_labels_that_fit_the_manifest_but_not_the_graph(linked: Path) -> None:
    edit(linked, one_category_less)
    with pytest.raises(BundleError, match=r"'category', 'float32', '\*×20'.* says .*\*×19"):
        Classifier.load(linked)


def renamed_head(values: dict[str, Any]) -> None:
    values["labels"]["topic"] = values["labels"].pop("category")
    for names in ("temperatures", "sure"):
        values.get(names, {}).pop("category", None)
    values["outputs"][1]["name"] = "topic"
    values["outputs"].append(values["outputs"].pop(1))


def test_a_head_that_the_graph_has_not(linked: Path) -> None:
    edit(linked, renamed_head)
    with pytest.raises(BundleError, match="the graph's outputs are"):
        Classifier.load(linked)


def regraphed(folder: Path, content: bytes) -> None:
    """Another graph, under the hash that it has."""
    rewrite(folder / manifest.MODEL, content)

    def rehash(values: dict[str, Any]) -> None:
        values["files"][manifest.MODEL] = msgspec.to_builtins(manifest.record(folder / manifest.MODEL))

    edit(folder, rehash)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_graph_cut_off_under_its_right_hash(share: float, linked: Path) -> None:
    whole = (linked / manifest.MODEL).read_bytes()
    regraphed(linked, whole[: int(share * len(whole))] or b"not a graph")
    with pytest.raises(BundleError, match=r"model\.onnx cannot be opened") as caught:
        Classifier.load(linked)
    assert "\n" not in str(caught.value)


def test_a_graph_with_other_inputs_under_its_right_hash(linked: Path) -> None:
    whole = (linked / manifest.MODEL).read_bytes()
    regraphed(linked, whole.replace(b"attention_mask", b"attention_mesh"))  # of one length: still a graph
    with pytest.raises(BundleError, match=r"the graph's inputs are .*attention_mesh.*its manifest says") as caught:
        Classifier.load(linked)
    assert "\n" not in str(caught.value)


def test_a_graph_that_takes_so_many_texts_and_no_others(linked: Path) -> None:
    whole = (linked / manifest.MODEL).read_bytes()
    varies, four = b"\x0a\x07\x12\x05batch", b"\x0a\x07\x08\x84\x80\x80\x80\x80\x00"  # dimensions, of one length
    regraphed(linked, whole.replace(varies, four))
    with pytest.raises(BundleError, match=r"'input_ids', 'int64', '4×\*'.* says .*'\*×\*'") as caught:
        Classifier.load(linked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("field", "value"), [("pad", 10**6), ("pad", 10**30), ("max_length", 10**30)])
def test_what_the_graph_or_the_tokenizer_cannot_have(linked: Path, field: str, value: int) -> None:
    edit(linked, lambda values: values.update({field: value}))
    line = one_line(pulsewire("bundle", "verify", str(linked)))
    assert "reads no text" in line or "tokenizer.json cannot be read" in line


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("temperatures", {"nonsense": 1.0}, "temperature of head nonsense is 1.0"),
        ("temperatures", {"sentiment": 0.0}, "temperature of head sentiment is 0.0"),
        ("sure", {"sentiment": 1.5}, "sure of head sentiment is 1.5"),
        ("kinds", {"nonsense": ["news"]}, "head nonsense answers for news"),
        ("kinds", {"category": ["news", "tweets"]}, "head category answers for news, tweets"),
    ],
)
def test_a_head_with_what_cannot_be(field: str, value: dict[str, Any], why: str, linked: Path) -> None:
    def spoilt(values: dict[str, Any]) -> None:
        values[field] = value

    edit(linked, spoilt)
    with pytest.raises(BundleError, match=why):
        manifest.read(linked)
