"""What a run needs to go on after a kill as if nothing had been: one file, replaced in one step, gone at the end.

Beside the loop's tensors and position it says of which run it is: code, rows, start and recipe. A run goes on only
as what it was, since it would else end as neither.
"""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from models import heads as declarations
from models.errors import RunError
from models.training import run_folder
from models.training.batches import Row
from models.training.loop import Loop, Position
from models.training.network import Network
from models.training.recipe import Recipe
from models.training.validation import Measured

FILE = "resume.safetensors"
_FREE = ("checkpoint_s",)  # of a recipe, what does not touch the result


class Identity(msgspec.Struct, frozen=True):
    """What a run is made of: hashes, of each head as it is declared, too, and the recipe."""

    code: str
    rows: str
    start: str
    recipe: Recipe
    heads: dict[str, str]


class Told(msgspec.Struct, frozen=True):
    """What stands beside the tensors."""

    identity: Identity
    position: Position
    measured: tuple[Measured, ...]


def identity(
    recipe: Recipe,
    network: Network,
    tokenizer_json: str,
    tasks: Sequence[tuple[str, Sequence[Row]]],
    heads: dict[str, tuple[str, ...]],
) -> Identity:
    """Of a network that nothing was learnt on yet, and rows as they will be seen."""
    start = hashlib.sha256(tokenizer_json.encode())
    for name, tensor in network.state_dict().items():
        start.update(name.encode() + tensor.contiguous().numpy().tobytes())
    rows = hashlib.sha256()
    for head, some in tasks:
        rows.update(f"{head} {len(some)}".encode())
        for row in some:
            rows.update(np.array([len(row.ids), row.label, *row.ids], np.int64).tobytes())
    declared = {name: _declaration(name, labels) for name, labels in heads.items()}
    return Identity(_code(), rows.hexdigest(), start.hexdigest(), recipe, declared)


def _declaration(name: str, labels: tuple[str, ...]) -> str:
    """Of a head what touches the result: what its labels are called and how it is learnt and measured."""
    head = declarations.declared().get(name)
    learnt = head and (head.loss, head.choice.metric)
    return hashlib.sha256(msgspec.json.encode((labels, learnt))).hexdigest()


def _code() -> str:
    """One hash over the code of training, and the versions of what computes."""
    total = hashlib.sha256("".join(version(name) for name in ("torch", "transformers", "peft")).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


def write(folder: Path, loop: Loop, who: Identity, measured: Sequence[Measured]) -> None:
    """Replace the run's checkpoint; `RunError` when it cannot be written, and the one before it stays."""
    told = msgspec.json.encode(Told(who, loop.position(), tuple(measured))).decode()
    tensors = {name: tensor.contiguous() for name, tensor in loop.tensors().items()}
    run_folder.replace(folder / FILE, to_bytes(tensors, {"told": told}))


def require(folder: Path, *, resume: bool, replace: bool) -> None:
    """`RunError` for a folder without a run to resume, or with one that would be written over unasked."""
    there = (folder / FILE).is_file()
    if resume and not there:
        why = "it ended, or was stopped before its first checkpoint"
        raise RunError(f"{folder} holds no run to go on with ({why}): train without --resume")
    if there and not (resume or replace):
        raise RunError(
            f"{folder} holds a run that has not ended: go on with it by --resume, or give it up by --replace"
        )
    run_folder.require_free(folder, replace=resume or replace)


def resume(folder: Path, loop: Loop, who: Identity) -> tuple[Measured, ...]:
    """Put the loop where the checkpoint says, and answer with what was measured by then.

    Raises:
        RunError: the checkpoint is not whole, or it is of another run.
    """
    path = folder / FILE
    try:
        with safe_open(path, "pt") as opened:
            told = msgspec.json.decode(opened.metadata()["told"], type=Told)
            require_same(folder, told.identity, who)
            loop.restore({name: opened.get_tensor(name) for name in opened.keys()}, told.position)  # noqa: SIM118
    except (OSError, SafetensorError, msgspec.MsgspecError, KeyError, TypeError) as error:
        raise RunError(f"{path} is no whole checkpoint ({error}): give it up by --replace") from error
    return told.measured


def require_same(folder: Path, then: Identity, now: Identity) -> None:
    """`RunError` that names what differs."""
    was, is_ = msgspec.to_builtins(then.recipe), msgspec.to_builtins(now.recipe)
    other = [f"{name} ({was[name]}, now {is_[name]})" for name in was if name not in _FREE and was[name] != is_[name]]
    if not other:  # rows and start hang on the recipe too
        names = {"code": "code", "rows": "data", "start": "starting weights"}
        other = [said for name, said in names.items() if getattr(then, name) != getattr(now, name)]
        heads = {**then.heads, **now.heads}
        other += [
            f"smoothing, metric or labels of {head}" for head in heads if then.heads.get(head) != now.heads.get(head)
        ]
    if other:
        what = ", ".join(other)
        raise RunError(f"{folder} is a run of other {what}: resume it as it was begun, or give it up by --replace")
