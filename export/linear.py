"""Three ways to do the encoder's heavy work: exactly, in half precision, or in int8 with a scale for each token row.

Dynamic int8 takes one scale for a whole batch, so that 6% of labels flip with the company that a text keeps. Here a
row's scale is a function of the row alone, and integer sums have no rounding: a text's answer is its own.

    x[rows, in] -> times 1 / factor[in] where some channels are always great (`balance`)
    x -> |x| -> max of a row -> / 127 = scale[rows]; where x has a floor, max of a row / (255 - zero point)
    x, scale -> QuantizeLinear(axis 0) -> uint8[rows, in], zero point 128, or what suits the floor
    uint8, int8 weights (`rounding`) -> MatMulIntegerToFloat, a scale per output column -> times scale[rows]
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from export import balance, rounding
from export.builder import MICROSOFT, Builder, symmetric

TABLE_LEVELS = 127
MIDDLE = 128  # zero point of what may be below zero as far as above

Floats = NDArray[np.float32]


class Seen(msgspec.Struct, frozen=True):
    """What went into a matrix product while texts were read."""

    rows: Floats  # some of it: [n, in]
    second: NDArray[np.float64]  # mean of the products of its channels, [in, in]


class Linear(Protocol):
    """How matrices and tables are stored and multiplied."""

    precision: str
    real: type  # of everything up to the mean over a text's tokens; logits are fp32 whatever it is
    joined: bool  # whether a residual sum and its normalisation are one node

    def rows(self, graph: Builder, table: Floats, ids: str, name: str) -> str:
        """The table's rows at `ids`: float[len(ids), width]."""

    def multiply(self, graph: Builder, x: str, weight: Floats, name: str, *, floor: float | None = None) -> str:
        """x[rows, in] times weight[in, out], no bias. Nothing in x is below `floor`, where one is named."""


class Exact:
    """fp32, for comparison."""

    precision: str = "fp32"
    real: type = np.float32
    joined: bool = False

    def rows(self, graph: Builder, table: Floats, ids: str, name: str) -> str:
        return graph.add("Gather", [graph.weight(name, table), ids])

    def multiply(self, graph: Builder, x: str, weight: Floats, name: str, *, floor: float | None = None) -> str:  # noqa: ARG002
        return graph.add("MatMul", [x, graph.weight(name, weight)])


class Half(Exact):
    """fp16, for CUDA, where the joined normalisation is the fast one; on a CPU it is the slow one."""

    precision: str = "fp16"
    real: type = np.float16
    joined: bool = True


class RowInt8:
    """int8 weights with a scale per column, activations with a scale per row."""

    precision: str = "int8"
    real: type = np.float32
    joined: bool = False

    def __init__(self, seen: Mapping[str, Seen]) -> None:
        self._seen = seen  # by the product's name

    def rows(self, graph: Builder, table: Floats, ids: str, name: str) -> str:
        small, scale = symmetric(table, 1, levels=TABLE_LEVELS)
        picked = graph.add("Gather", [graph.constant(f"{name}_q", small), ids])
        scales = graph.add("Gather", [graph.constant(f"{name}_s", scale), ids])
        return graph.add("Mul", [graph.add("Cast", [picked], to=TensorProto.FLOAT), scales])

    def multiply(self, graph: Builder, x: str, weight: Floats, name: str, *, floor: float | None = None) -> str:
        seen = self._seen[name]
        if floor is None:
            seen, weight, x = _balanced(graph, seen, weight, x=x, name=name)
        zero = MIDDLE if floor is None else _zero_point(seen.rows, floor)
        quantized, row_scale = _quantized(graph, x, zero=zero, floor=floor)
        scale = rounding.column_scales(weight)
        inputs = [
            quantized,
            graph.constant(f"{name}_q", rounding.compensated(weight, scale, seen.second)),
            graph.scalar("one", 1),
            graph.constant(f"{name}_s", scale),
            graph.scalar(f"zero_point_{zero}", zero, np.uint8),
            graph.constant(f"{name}_z", np.zeros(weight.shape[1], np.int8)),
        ]
        product = graph.add("MatMulIntegerToFloat", inputs, domain=MICROSOFT)
        return graph.add("Mul", [product, row_scale])


def _balanced(graph: Builder, seen: Seen, weight: Floats, *, x: str, name: str) -> tuple[Seen, Floats, str]:
    """The product's inputs as seen, its weight and its input, with the channels' strengths evened out."""
    factor = balance.factors(seen.rows, weight)
    even = Seen(seen.rows / factor, seen.second / np.outer(factor, factor))
    return even, weight * factor[:, None], graph.add("Mul", [x, graph.constant(f"{name}_balance", 1 / factor)])


def _zero_point(rows: Floats, floor: float) -> int:
    """The zero point with which rows like these have the finest steps: the floor lies `-floor` below it."""
    peaks = rows.max(1)
    steps = {zero: np.maximum(peaks / (255 - zero), -floor / zero) for zero in range(8, MIDDLE)}
    return min(steps, key=lambda zero: float(np.square(steps[zero]).mean()))


def _quantized(graph: Builder, x: str, *, zero: int, floor: float | None) -> tuple[str, str]:
    """x[rows, in] as uint8 around `zero`, and the scales, float[rows, 1]."""
    above = 255 - zero
    axes = graph.constant("last", np.array([-1], np.int64))
    peak = graph.add("ReduceMax", [x if floor is not None else graph.add("Abs", [x]), axes], keepdims=1)
    least = 1e-12 if floor is None else -floor * above / zero
    peak = graph.add("Max", [peak, graph.scalar(f"least_{zero}", least)])
    scale = graph.add("Mul", [peak, graph.scalar(f"per_{above}", 1 / above)])
    return graph.add("QuantizeLinear", [x, graph.reshape(scale, -1), _zero_points(graph, zero)], axis=0), scale


def _zero_points(graph: Builder, zero: int) -> str:
    """The same zero point for every token row: uint8[rows]."""
    name = f"zero_points_{zero}"
    if all(name not in node.output for node in graph.nodes):
        value = helper.make_tensor("value", TensorProto.UINT8, [1], [zero])
        graph.add("ConstantOfShape", [graph.add("Shape", [graph.reshape("input_ids", -1)])], named=name, value=value)
    return name
