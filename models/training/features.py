"""What a new head reads of each text, from the graph that will serve it: int8 rounding and all."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models import packing
from models.console import Report
from models.manifest import TOKENIZER, Manifest
from models.text import prepare

Floats = NDArray[np.float32]


def read(graph: bytes, folder: Path, manifest: Manifest, texts: Sequence[str], *, report: Report) -> Floats:
    """The features of each text, in order: float[texts, width]."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(manifest.max_length)
    rows = [encoding.ids for encoding in tokenizer.encode_batch_fast([prepare(text) for text in texts])]
    found: list[tuple[list[int], Floats]] = []
    done = 0
    for length, positions in packing.runs([len(row) for row in rows]):
        ids = np.full((len(positions), length), manifest.pad, np.int64)
        mask = np.zeros((len(positions), length), np.int64)
        for number, position in enumerate(positions):
            ids[number, : len(rows[position])] = rows[position]
            mask[number, : len(rows[position])] = 1
        (features,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
        found.append((positions, features))
        done += len(positions)
        report(done / len(rows), f"{done:,} of {len(rows):,} texts read")
    order = np.argsort(np.concatenate([positions for positions, _features in found]))
    whole: Floats = np.concatenate([features for _positions, features in found])[order]
    return whole
