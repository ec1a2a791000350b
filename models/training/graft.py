"""A bundle's graph with one head more: no weight of the encoder is touched, and no other head's answer changes.

The new head reads the means over a text's tokens at four depths, not the last one alone: the last layers were tuned to
the heads that ship and forgot what those did not need. It is made of products and row sums as the other heads are, so
that an answer has the same bits alone and in any company.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.errors import BundleError, HeadError
from models.training.discriminant import Floats

DEPTHS = (0, 4, 8, 12)  # after so many layers, as far as there are so many
FEATURES = "features"


class Graft:
    """A graph that is opened for one more head."""

    def __init__(self, path: Path) -> None:
        self.model: Any = onnx.load(path)
        nodes = list(self.model.graph.node)
        norms = [node.output[0] for node in nodes if node.op_type == "LayerNormalization"]
        made = {node.output[0]: node for node in nodes}
        pooled = [node.input[0] for node in nodes if node.op_type == "Mul" and node.input[1] == "heads"]
        if len(norms) < 3 or len(pooled) != 1:
            msg = f"{path} is no graph that `pulsewire export` wrote: a head cannot be added to it"
            raise BundleError(msg)
        total, self._tokens = made[pooled[0]].input
        self._mask, last = made[total].input
        self._sizes = made[last].input[1]
        after = norms[0::2]  # the embedding's, then each layer's last
        self._states = list(dict.fromkeys(after[min(depth, len(after) - 1)] for depth in DEPTHS))

    def require_free(self, name: str) -> None:
        """`HeadError` where the graph calls something `name`: what an earlier version gave a head had no dot in it."""
        graph = self.model.graph
        made = (output for node in graph.node for output in node.output)
        if name in {*made, *(one.name for one in (*graph.initializer, *graph.input))}:
            msg = f"the bundle's graph calls something else {name!r}: take another name for the head"
            raise HeadError(msg)

    def features(self) -> bytes:
        """A graph whose one output is what a new head reads: float[batch, width]."""
        graph = self._copy()
        name = self._read(graph)
        graph.graph.node.append(helper.make_node("Squeeze", [name, _axis(graph, 1)], [FEATURES]))
        del graph.graph.output[:]
        graph.graph.output.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ("batch", "width")))
        found: bytes = graph.SerializeToString()
        return found

    def with_head(self, name: str, weight: Floats, bias: Floats) -> bytes:
        """The whole graph with the head `name` behind all others; what it is made of has a dot, which no head has."""
        graph = self._copy()
        read = self._read(graph)
        matrix, shift = (
            _constant(graph, f"{name}.{kind}", value.astype(np.float32))
            for kind, value in (("weight", weight), ("bias", bias))
        )
        products = self._add(graph, "Mul", [read, matrix], f"{name}.products")
        sums = self._add(graph, "ReduceSum", [products, _axis(graph, -1)], f"{name}.sums", keepdims=0)
        self._add(graph, "Add", [sums, shift], name)
        graph.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", len(bias))))
        onnx.checker.check_model(graph)
        found: bytes = graph.SerializeToString()
        return found

    def _copy(self) -> Any:
        copy = onnx.ModelProto()
        copy.CopyFrom(self.model)
        return copy

    def _read(self, graph: Any) -> str:
        """The means at the four depths, side by side: float[batch, 1, width]; made once however many heads read it."""
        if any(node.name == "depths" for node in graph.graph.node):
            return "depths"
        means = []
        for number, state in enumerate(self._states):
            by_text = self._add(graph, "Reshape", [state, self._sizes], f"depth_{number}_by_text")
            total = self._add(graph, "MatMul", [self._mask, by_text], f"depth_{number}_total")
            means.append(self._add(graph, "Div", [total, self._tokens], f"depth_{number}_mean"))
        return self._add(graph, "Concat", means, "depths", axis=-1)

    @staticmethod
    def _add(graph: Any, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        graph.graph.node.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output


def _constant(graph: Any, name: str, value: Any) -> str:
    if not any(one.name == name for one in graph.graph.initializer):
        graph.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def _axis(graph: Any, at: int) -> str:
    return _constant(graph, f"graft_axis_{at}".replace("-", "m"), np.array([at], np.int64))
