"""What a training run leaves behind, and how export finds it again.

runs/<name>/
    model.safetensors   the network, fp32; written anew at each checkpoint
    encoder.json        the encoder's configuration
    tokenizer.json
    run.json            heads, data, recipe, progress
    log.jsonl           one line every few steps: step, loss, rows/s

Every file but the log is replaced in one step, so that a run can be exported while it goes on.
"""

import os
from pathlib import Path

import msgspec
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from models.errors import RunError
from models.manifest import DataRecord
from models.training.network import Network


class Run(msgspec.Struct, frozen=True):
    """What is to be known of a run beside its weights."""

    name: str
    created: str  # RFC 3339
    base: str
    heads: dict[str, tuple[str, ...]]
    max_length: int
    normalization: str
    data: tuple[DataRecord, ...]
    recipe: dict[str, float]
    code: str
    base_licence: str = "MIT"
    validation: bool = False  # whether it left the validation rows alone
    seen: tuple[str, ...] = ()  # heads whose validation rows a run before it had learnt from
    steps: int = 0
    steps_planned: int = 0
    seconds: float = 0.0


def save(folder: Path, run: Run, network: Network, tokenizer_json: str) -> None:
    """Write a checkpoint; a reader sees the last whole one."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "tokenizer.json", tokenizer_json.encode())
    _replace(folder / "encoder.json", network.encoder.config.to_json_string().encode())
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors.part")
    (folder / "model.safetensors.part").replace(folder / "model.safetensors")
    _replace(folder / "run.json", msgspec.json.format(msgspec.json.encode(run), indent=2))


def load(folder: Path) -> tuple[Run, Network, str]:
    """The run, its network in fp32 and eval mode, and its tokenizer as JSON; `RunError` when it is not whole."""
    try:
        run = msgspec.json.decode((folder / "run.json").read_bytes(), type=Run)
        config = BertConfig.from_json_file(folder / "encoder.json")
        config._attn_implementation = "eager"  # noqa: SLF001 - it is not kept in the JSON
        network = Network(BertModel(config, add_pooling_layer=False), run.heads)
        network.load_state_dict(load_file(folder / "model.safetensors"))
        tokenizer_json = (folder / "tokenizer.json").read_text(encoding="utf-8")
    except (OSError, msgspec.MsgspecError, RuntimeError) as error:
        msg = f"{folder} holds no whole training run ({error}): name a folder that `pulsewire train` wrote"
        raise RunError(msg) from error
    return run, network.eval(), tokenizer_json


def _replace(path: Path, content: bytes) -> None:
    part = path.with_suffix(path.suffix + ".part")
    part.write_bytes(content)
    os.replace(part, path)  # noqa: PTH105 - reads as what it is: one atomic step
