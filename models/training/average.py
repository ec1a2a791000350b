"""The mean of several runs' weights: as fast as any of them, and better than each.

Wortsman et al., "Model soups" (2022), the uniform one. It needs runs that began with the same weights, the heads' too:
ours do, and differ by the order of their rows. Heads that began with others are at .3 to .5 (cosine) to each other in
the end, not at .9, and their mean is worse than either where there are many labels (docs/models/how-to.md).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import torch

from models.errors import RunError
from models.training import run_folder
from models.training.network import Network
from models.training.run_folder import Run

SAME = ("base", "heads", "max_length", "normalization", "data", "teacher")


def average(folders: Sequence[Path], out: Path, *, replace: bool = False) -> Run:
    """Leave the mean of these runs in `out`, as a run of its own.

    Raises:
        RunError: there are fewer than two, one is not whole, they do not go together, or `out` holds a run that
            `replace` would be needed for, or cannot be written.
    """
    run_folder.require_free(out, replace=replace)
    if len(folders) < 2:
        msg = "a mean takes two runs or more: name their folders"
        raise RunError(msg)
    runs = [run_folder.load(folder) for folder in folders]
    (first, network, tokenizer_json), *others = runs
    for folder, (run, other, tokenizer) in zip(folders[1:], others, strict=True):
        differing = [name for name in SAME if getattr(run, name) != getattr(first, name)]
        differing += ["tokenizer"] * (tokenizer != tokenizer_json) + ["encoder"] * (_shape(other) != _shape(network))
        if differing:
            msg = f"{folder} and {folders[0]} differ in their {', '.join(differing)}: average runs of one command"
            raise RunError(msg)
    with torch.no_grad():
        states = [one.state_dict() for _run, one, _tokenizer in runs]
        mean = {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
        network.load_state_dict(mean)
    made = msgspec.structs.replace(
        first,
        name=out.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code=version("pulsewire"),
        validation=all(run.validation for run, _network, _tokenizer in runs),
        seen=tuple(sorted({head for run, _network, _tokenizer in runs for head in run.seen})),
        averaged=tuple(f"{run.name}, seed {run.recipe['seed']:.0f}" for run, _network, _tokenizer in runs),
        hashes={},
        measured=(),
    )
    with run_folder.alone(out):
        run_folder.save(out, made, network, tokenizer_json)
    return made


def _shape(network: Network) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}
