"""What a training run leaves behind, and how export finds it again.

runs/<name>/
    model.safetensors   the network, fp32; written anew at each checkpoint
    encoder.json        the encoder's configuration
    tokenizer.json
    run.json            heads, data, recipe, hashes, progress, figures on validation rows
    log.jsonl           one line every few steps: step, loss, rows/s
    events.out.tfevents.pulsewire   the same for TensorBoard
    resume.safetensors  what --resume needs; gone at the end
    best.safetensors    under --patience the best weights so far; gone at the end

1. Every file but the logs is replaced in one step, so that a run can be exported while it goes on.
2. One process at a time writes into it (`alone`): two would leave the weights of one beside the figures of the other.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from models.errors import RunError
from models.manifest import DataRecord
from models.training.network import Network
from models.training.validation import Measured

# What the libraries raise over files that are cut off, or another version's
_DAMAGED = (OSError, ValueError, TypeError, KeyError, RuntimeError, msgspec.MsgspecError, SafetensorError)


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
    method: str = "full"
    hashes: dict[str, str] = {}  # of code, rows and start
    measured: tuple[Measured, ...] = ()  # on validation rows
    kept_step: int = 0  # after which the weights were as they are kept
    averaged: tuple[str, ...] = ()  # the runs whose mean it is
    teacher: str = ""  # the run that a student was taught by, and what it began with


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have the folder, made if need be, to oneself; `RunError` while another run is being written there.

    The lock is on the folder itself: it leaves no file, and ends with its process however that ends.
    """
    ready(folder)
    held = os.open(folder, os.O_RDONLY)
    try:
        _lock(held, folder)
        yield
    finally:
        os.close(held)


def _lock(held: int, folder: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        msg = f"another process writes a run into {folder}: wait for its end, or name another folder with --out"
        raise RunError(msg) from error
    except OSError:
        pass  # NFS and some others lock no folders: a run there is not refused for it


def require_free(folder: Path, *, replace: bool) -> None:
    """`RunError` for a folder with a run, which would be written over unasked."""
    if not replace and (folder / "run.json").exists():
        msg = f"{folder} holds a run: name another folder with --out, or give that one up by --replace"
        raise RunError(msg)


def save(folder: Path, run: Run, network: Network, tokenizer_json: str) -> None:
    """Write a checkpoint; a reader sees the last whole one."""
    ready(folder)
    replace(folder / "tokenizer.json", tokenizer_json.encode())
    replace(folder / "encoder.json", network.encoder.config.to_json_string().encode())
    write_weights(folder / "model.safetensors", network)
    replace(folder / "run.json", msgspec.json.format(msgspec.json.encode(run), indent=2))


def write_weights(path: Path, network: Network) -> None:
    """The network's weights as they are."""
    replace(path, to_bytes({name: tensor.contiguous() for name, tensor in network.state_dict().items()}))


def ready(folder: Path) -> None:
    """Make the folder; `RunError` when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{folder} cannot be made ({error.strerror}): name another folder with --out"
        raise RunError(msg) from error


@contextmanager
def writing(path: Path, *, then: str = "give the same command again") -> Iterator[None]:
    """Where what the block writes there cannot be, `RunError` says so, and what to do once there is room."""
    try:
        yield
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}): make room, then {then}"
        raise RunError(msg) from error


def replace(path: Path, content: bytes) -> None:
    """Put a file in place in one step; on a full disk `RunError`, and the file that was there stays."""
    part = path.with_suffix(path.suffix + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        size = f"{len(content) / 1e6:.0f} MB"
        msg = f"{path} cannot be written ({error.strerror}; it needs {size}): make room, then go on with --resume"
        raise RunError(msg) from error


def load(folder: Path) -> tuple[Run, Network, str]:
    """The run, its network in fp32 and eval mode, and its tokenizer as JSON; `RunError` when it is not whole."""
    try:
        run = msgspec.json.decode((folder / "run.json").read_bytes(), type=Run)
        config = BertConfig.from_json_file(folder / "encoder.json")
        config._attn_implementation = "eager"  # noqa: SLF001 - it is not kept in the JSON
        network = Network(BertModel(config, add_pooling_layer=False), run.heads)
        network.load_state_dict(load_file(folder / "model.safetensors"))
        tokenizer_json = _tokenizer(folder / "tokenizer.json")
    except _DAMAGED as error:
        why = " ".join(str(error).split())
        msg = f"{folder} holds no whole training run ({why[:200]}): name a folder that `pulsewire train` wrote"
        raise RunError(msg) from error
    return run, network.eval(), tokenizer_json


def _tokenizer(path: Path) -> str:
    found = path.read_text(encoding="utf-8")
    try:
        Tokenizer.from_str(found)
    except Exception as error:  # tokenizers raises bare Exception
        msg = f"{path.name}: {error}"
        raise ValueError(msg) from error
    return found
