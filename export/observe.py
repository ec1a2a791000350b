"""What goes into each matrix product of a network while it reads texts: what its int8 form is fitted to."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper

from export import bert
from export.bert import Shape, Weights
from export.builder import FLOAT, Builder
from export.linear import Exact, Floats, Seen
from models import packing

KEEP_ONE_IN = 8  # token rows that are kept as they are
PAD = 1


class Watched(Exact):
    """fp32, and where what is multiplied stands in the graph."""

    def __init__(self) -> None:
        self.inputs: dict[str, str] = {}  # of the product of this name

    def multiply(self, graph: Builder, x: str, weight: Floats, name: str, *, floor: float | None = None) -> str:
        self.inputs[name] = x
        return super().multiply(graph, x, weight, name, floor=floor)


def observed(
    weights: Weights, shape: Shape, labels: dict[str, tuple[str, ...]], texts: Sequence[Sequence[int]]
) -> dict[str, Seen]:
    """By each product's name what it is given, for texts as token ids; the same texts, the same answer."""
    watched = Watched()
    model = bert.build(weights, shape, labels, watched)
    names, places = list(watched.inputs), list(watched.inputs.values())
    model.graph.output.extend(helper.make_tensor_value_info(one, FLOAT, ("rows", "in")) for one in places)
    session = _session(model)
    kept: dict[str, list[Floats]] = {name: [] for name in names}
    sums: dict[str, Any] = dict.fromkeys(names, 0.0)
    count = 0
    for feed in batches(texts):
        real = np.flatnonzero(feed["attention_mask"])
        picked = np.arange(-count % KEEP_ONE_IN, len(real), KEEP_ONE_IN)
        count += len(real)
        for name, found in zip(names, session.run(places, feed), strict=True):
            rows = found[real]
            sums[name] = sums[name] + (rows.T @ rows).astype(np.float64)
            kept[name].append(rows[picked])
    return {name: Seen(np.concatenate(kept[name]), sums[name] / count) for name in names}


def batches(texts: Sequence[Sequence[int]]) -> Iterator[dict[str, NDArray[np.int64]]]:
    """The texts as the runtime would run them: inputs of the graph."""
    for length, positions in packing.runs([len(text) for text in texts]):
        ids = np.full((len(positions), length), PAD, np.int64)
        for row, position in enumerate(positions):
            ids[row, : len(texts[position])] = texts[position]
        mask = np.arange(length) < np.array([[len(texts[position])] for position in positions])
        yield {"input_ids": ids, "attention_mask": mask.astype(np.int64)}


def _session(model: Any) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # the same sums on every machine
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
