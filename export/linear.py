"""Two ways to do the encoder's heavy work: exactly, or in int8 with a scale of its own for each token row.

Dynamic int8 takes one scale for a whole batch, so that 6% of labels flip with the company that a text keeps. Here a
row's scale is a function of the row alone, and integer sums have no rounding: a text's answer is its own.

    x[rows, in] -> |x| -> max of a row -> / 127 = scale[rows]
    x, scale -> QuantizeLinear(axis 0) -> uint8[rows, in], zero point 128
    uint8, int8 weights -> MatMulIntegerToFloat, a scale per output column -> times scale[rows]
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from export.builder import MICROSOFT, Builder, symmetric

# x86 processors without VNNI add two products of uint8 and int8 in 16 bits, and cut off what does not fit: 2 * 255 * 63
# does. So a bundle answers alike wherever it runs, for a quarter more rounding in the logits.
WEIGHT_LEVELS = 63
TABLE_LEVELS = 127  # only looked up, never multiplied as integers

Floats = NDArray[np.float32]


class Linear(Protocol):
    """How matrices and tables are stored and multiplied."""

    precision: str

    def rows(self, graph: Builder, table: Floats, ids: str, name: str) -> str:
        """The table's rows at `ids`: float[len(ids), width]."""

    def multiply(self, graph: Builder, x: str, weight: Floats, name: str) -> str:
        """x[rows, in] times weight[in, out], no bias."""


class Exact:
    """fp32, for comparison."""

    precision = "fp32"

    def rows(self, graph: Builder, table: Floats, ids: str, name: str) -> str:
        return graph.add("Gather", [graph.constant(name, table), ids])

    def multiply(self, graph: Builder, x: str, weight: Floats, name: str) -> str:
        return graph.add("MatMul", [x, graph.constant(name, weight)])


class RowInt8:
    """int8 weights with a scale per column, activations with a scale per row."""

    precision = "int8"

    def rows(self, graph: Builder, table: Floats, ids: str, name: str) -> str:
        small, scale = symmetric(table, 1, levels=TABLE_LEVELS)
        picked = graph.add("Gather", [graph.constant(f"{name}_q", small), ids])
        scales = graph.add("Gather", [graph.constant(f"{name}_s", scale), ids])
        return graph.add("Mul", [graph.add("Cast", [picked], to=TensorProto.FLOAT), scales])

    def multiply(self, graph: Builder, x: str, weight: Floats, name: str) -> str:
        quantized, row_scale = self._quantized(graph, x)
        small, scale = symmetric(weight, 0, levels=WEIGHT_LEVELS)
        inputs = [
            quantized,
            graph.constant(f"{name}_q", small),
            graph.scalar("one", 1),
            graph.constant(f"{name}_s", scale[0]),
            graph.scalar("zero_point", 128, np.uint8),
            graph.constant(f"{name}_z", np.zeros(weight.shape[1], np.int8)),
        ]
        product = graph.add("MatMulIntegerToFloat", inputs, domain=MICROSOFT)
        return graph.add("Mul", [product, row_scale])

    def _quantized(self, graph: Builder, x: str) -> tuple[str, str]:
        """x[rows, in] as uint8 around 128, and the scales, float[rows, 1]."""
        axes = graph.constant("last", np.array([-1], np.int64))
        peak = graph.add("ReduceMax", [graph.add("Abs", [x]), axes], keepdims=1)
        peak = graph.add("Max", [peak, graph.scalar("tiny", 1e-12)])
        scale = graph.add("Mul", [peak, graph.scalar("per_127", 1 / 127)])
        flat = graph.reshape(scale, -1)
        return graph.add("QuantizeLinear", [x, flat, "zero_points"], axis=0), scale
