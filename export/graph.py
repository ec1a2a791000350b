"""The graph of a training run, at one of three precisions."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from tokenizers import Tokenizer

from export import bert
from export.bert import Shape
from export.linear import Exact, Half, Linear, RowInt8
from export.observe import observed
from models.manifest import TOKENIZER
from models.text import prepare
from models.training.network import Network
from models.training.run_folder import Run


def graph(source: Path, run: Run, network: Network, *, precision: str, texts: Sequence[str]) -> Any:
    """The ONNX model of the run in `source`; int8 is fitted to what the network makes of `texts`."""
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    shape = msgspec.json.decode((source / "encoder.json").read_bytes(), type=Shape)

    def fitted() -> Linear:
        tokenizer = Tokenizer.from_file(str(source / TOKENIZER))
        tokenizer.enable_truncation(run.max_length)
        ids = [tokenizer.encode(prepare(text)).ids for text in texts]
        return RowInt8(observed(weights, shape, run.heads, ids))

    makers: dict[str, Callable[[], Linear]] = {"fp32": Exact, "fp16": Half, "int8": fitted}
    return bert.build(weights, shape, run.heads, makers[precision]())
