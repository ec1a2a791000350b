"""Writing an ONNX graph by hand: named constants, nodes in order, the fewest words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
IR = 9
MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators
Tensor = tuple[str, int, Sequence[int | str]]  # name, element type, shape


class Builder:
    """Collects nodes and constants; every method that adds a node answers with the name of its output."""

    def __init__(self, real: type = np.float32) -> None:
        self.real = real  # what the network's own numbers are kept as
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, value: ArrayLike) -> str:
        """A constant by name; the same name again is the same constant."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name: str, value: NDArray[np.float32]) -> str:
        """A constant of the network's own numbers."""
        return self.constant(name, value.astype(self.real))

    def scalar(self, name: str, value: float, dtype: type = np.float32) -> str:
        return self.constant(name, np.asarray(value, dtype))

    def add(self, op: str, inputs: Sequence[str], *, named: str | None = None, **attributes: Any) -> str:
        """One node with one output, which is named `named` or after the node's number."""
        return self.add_many(op, inputs, [named or f"{op}_{len(self.nodes)}"], **attributes)[0]

    def add_many(self, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> list[str]:
        self.nodes.append(helper.make_node(op, list(inputs), list(outputs), name=outputs[0], **attributes))
        return list(outputs)

    def reshape(self, value: str, *shape: int) -> str:
        """The value in another shape: 0 keeps a dimension, -1 takes what is left."""
        name = "shape_" + "_".join(map(str, shape)).replace("-", "m")
        return self.add("Reshape", [value, self.constant(name, np.array(shape, np.int64))])

    def model(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], *, about: Mapping[str, str]) -> Any:
        """The whole, checked; the same nodes and constants give the same bytes."""
        graph = helper.make_graph(
            self.nodes,
            "pulsewire",
            [helper.make_tensor_value_info(*one) for one in inputs],
            [helper.make_tensor_value_info(*one) for one in outputs],
            list(self.constants.values()),
        )
        versions = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=IR, producer_name="pulsewire")
        helper.set_model_props(model, dict(about))
        onnx.checker.check_model(model)
        return model


def symmetric(matrix: NDArray[np.float32], axis: int, *, levels: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The matrix as int8 in [-levels, levels] and its scales along `axis` (kept as a dimension of 1).

    matrix is about int8 times scale.
    """
    scale = np.abs(matrix).max(axis, keepdims=True).astype(np.float32) / np.float32(levels)
    scale[scale == 0] = 1e-12
    return np.clip(np.rint(matrix / scale), -levels, levels).astype(np.int8), scale


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
