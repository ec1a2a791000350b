"""A trained network as an ONNX graph, node by node.

Written by hand rather than traced: the architecture is known, the graph is the same bytes whatever version of torch is
installed, q, k and v are one matrix, and the form that is fastest on a CPU needs no optimizer to be guessed at.

Between the attentions everything is two-dimensional, [batch * tokens, width]: a row is a token. Nothing in the graph
mixes the texts of a batch, and no sum's order depends on their number (see `_heads`).
"""

from typing import Any

import msgspec
import numpy as np
from onnx import helper

from export.builder import FLOAT, INT64, MICROSOFT, Builder
from export.linear import Floats, Linear

Weights = dict[str, Floats]
GELU_FLOOR = -0.17  # GELU is nowhere below -0.16997


class Shape(msgspec.Struct, frozen=True):
    """The encoder's dimensions, as far as the graph needs them; read from its `encoder.json`."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float


def build(weights: Weights, shape: Shape, labels: dict[str, tuple[str, ...]], linear: Linear) -> Any:
    """The model: int64 input_ids and attention_mask[batch, tokens] in, logits float[batch, labels] out per head."""
    graph = Builder(linear.real)
    mask = graph.add("Cast", ["attention_mask"], to=helper.TensorProto.INT32)
    x = _embedded(graph, weights, shape, linear)
    for layer in range(shape.num_hidden_layers):
        x = _layer(graph, _below(weights, f"encoder.encoder.layer.{layer}."), shape, linear, x=x, mask=mask, at=layer)
    _heads(graph, weights, labels, _pooled(graph, x, shape))
    return graph.model(
        [(name, INT64, ("batch", "tokens")) for name in ("input_ids", "attention_mask")],
        [(head, FLOAT, ("batch", len(names))) for head, names in labels.items()],
        about={"precision": linear.precision},
    )


def _below(weights: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}


def _embedded(graph: Builder, weights: Weights, shape: Shape, linear: Linear) -> str:
    """Word, position and type, normalised: float[batch * tokens, width]."""
    own = _below(weights, "encoder.embeddings.")
    ids = graph.reshape("input_ids", -1)
    words = linear.rows(graph, own["word_embeddings.weight"], ids, "words")
    # There is one segment only, so its type's row can be added to every position beforehand.
    positions = own["position_embeddings.weight"] + own["token_type_embeddings.weight"][0]
    first, axis = (graph.constant(name, np.array([at], np.int64)) for name, at in (("first", 0), ("axis", 0)))
    tokens = graph.add("Shape", ["input_ids"], start=1, end=2)
    here = graph.add("Slice", [graph.weight("positions", positions), first, tokens, axis])
    width = shape.hidden_size
    together = graph.add("Add", [_by_text(graph, words, width), here])
    return _normalised(graph, own, shape, graph.reshape(together, -1, width), part="LayerNorm", name="embedding")


def _by_text(graph: Builder, x: str, width: int) -> str:
    """[batch * tokens, width] as [batch, tokens, width]."""
    sizes = graph.add("Shape", ["input_ids"])
    full = graph.add("Concat", [sizes, graph.constant(f"width_{width}", np.array([width], np.int64))], axis=0)
    return graph.add("Reshape", [x, full])


def _layer(graph: Builder, own: Weights, shape: Shape, linear: Linear, *, x: str, mask: str, at: int) -> str:
    attended = _attention(graph, own, shape, linear, x=x, mask=mask, at=at)
    x = _added(graph, own, shape, linear, x=attended, to=x, part="attention.output", name=f"{at}_attention")
    wide = linear.multiply(graph, x, own["intermediate.dense.weight"].T, f"{at}_wide")
    bias = graph.weight(f"{at}_wide_bias", own["intermediate.dense.bias"])
    wide = graph.add("BiasGelu", [wide, bias], domain=MICROSOFT)
    return _added(graph, own, shape, linear, x=wide, to=x, part="output", name=f"{at}_output", floor=GELU_FLOOR)


def _attention(graph: Builder, own: Weights, shape: Shape, linear: Linear, *, x: str, mask: str, at: int) -> str:
    """Every head's mixture of values: float[batch * tokens, width]."""
    parts = [own[f"attention.self.{name}.weight"].T for name in ("query", "key", "value")]
    biases = [own[f"attention.self.{name}.bias"] for name in ("query", "key", "value")]
    width = shape.hidden_size
    together = linear.multiply(graph, x, np.concatenate(parts, axis=1), f"{at}_qkv")
    outputs = [f"{at}_query", f"{at}_key", f"{at}_value"]
    graph.add_many("Split", [together], outputs, axis=1, num_outputs=3)
    qkv = [_by_text(graph, one, width) for one in outputs]
    bias = graph.weight(f"{at}_qkv_bias", np.concatenate(biases))
    inputs = [*qkv, bias, mask]
    mixed = graph.add("MultiHeadAttention", inputs, domain=MICROSOFT, num_heads=shape.num_attention_heads)
    return graph.reshape(mixed, -1, width)


def _added(
    graph: Builder,
    own: Weights,
    shape: Shape,
    linear: Linear,
    *,
    x: str,
    to: str,
    part: str,
    name: str,
    floor: float | None = None,
) -> str:
    """A dense layer, added to what went in before, normalised."""
    dense = linear.multiply(graph, x, own[f"{part}.dense.weight"].T, name, floor=floor)
    bias = graph.weight(f"{name}_bias", own[f"{part}.dense.bias"])
    norm = f"{part}.LayerNorm"
    if linear.joined:
        inputs = [dense, to, *_norm(graph, own, part=norm, name=name), bias]
        return graph.add("SkipLayerNormalization", inputs, domain=MICROSOFT, epsilon=shape.layer_norm_eps)
    both = graph.add("Add", [graph.add("Add", [dense, bias]), to])
    return _normalised(graph, own, shape, both, part=norm, name=name)


def _normalised(graph: Builder, own: Weights, shape: Shape, x: str, *, part: str, name: str) -> str:
    inputs = [x, *_norm(graph, own, part=part, name=name)]
    return graph.add("LayerNormalization", inputs, axis=-1, epsilon=shape.layer_norm_eps)


def _norm(graph: Builder, own: Weights, *, part: str, name: str) -> list[str]:
    """A normalisation's gain and shift."""
    return [graph.weight(f"{name}_norm_{kind}", own[f"{part}.{kind}"]) for kind in ("weight", "bias")]


def _pooled(graph: Builder, x: str, shape: Shape) -> str:
    """The mean over a text's own tokens: float[batch, 1, width].

    A product for each text, [1, tokens] by [tokens, width]: a sum over the middle axis would be parted, and so rounded,
    by the size of the batch.
    """
    middle, last = (graph.constant(name, np.array([at], np.int64)) for name, at in (("middle", 1), ("last", -1)))
    mask = graph.add("Unsqueeze", [graph.add("Cast", ["attention_mask"], to=FLOAT), middle])
    states = graph.add("Cast", [x], to=FLOAT) if graph.real is not np.float32 else x
    total = graph.add("MatMul", [mask, _by_text(graph, states, shape.hidden_size)])
    return graph.add("Div", [total, graph.add("ReduceSum", [mask, last], keepdims=1)])


def _heads(graph: Builder, weights: Weights, labels: dict[str, tuple[str, ...]], pooled: str) -> None:
    """The logits of each head, as outputs of the graph.

    A matrix product would pick its kernel, and with it the order of its sums, by the number of texts. Products and
    row sums do not, and are small: 384 numbers a label.
    """
    matrix = np.concatenate([weights[f"heads.{head}.weight"] for head in labels])
    bias = np.concatenate([weights[f"heads.{head}.bias"] for head in labels])
    products = graph.add("Mul", [pooled, graph.constant("heads", matrix)])
    axes = graph.constant("last", np.array([-1], np.int64))
    sums = graph.add("ReduceSum", [products, axes], keepdims=0)
    logits = graph.add("Add", [sums, graph.constant("heads_bias", bias)])
    sizes = graph.constant("label_counts", np.array([len(names) for names in labels.values()], np.int64))
    graph.add_many("Split", [logits, sizes], list(labels), axis=1)
