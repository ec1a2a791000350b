"""A whole training run: read the sets, prepare the texts, start from the encoder, loop, keep what came out."""

import random
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path

import msgspec
import torch
from tokenizers import Tokenizer

from models import heads as declarations
from models.datasets.dataset import Dataset, Example, sample
from models.datasets.own import require_labels
from models.datasets.parts import parted
from models.manifest import DataRecord
from models.text import NORMALIZATION, prepare
from models.training import checkpoint, run_folder
from models.training.batches import Row, batches
from models.training.checkpoint import Identity
from models.training.keeper import Keeper
from models.training.loop import Loop
from models.training.network import Network, seed
from models.training.recipe import Recipe, Step
from models.training.run_folder import Run
from models.training.start import Start
from models.training.validation import Validation

PAD = 1


class Material(msgspec.Struct, frozen=True):
    """The sets' rows, prepared, and the record of where they come from."""

    tasks: tuple[tuple[str, tuple[Example, ...]], ...]  # head, examples whose texts are prepared
    records: tuple[DataRecord, ...]
    validation: tuple[tuple[str, tuple[Example, ...]], ...] = ()  # of users' and measured sets; not learnt from
    once: frozenset[int] = frozenset()  # which of the tasks are spread over the epochs

    @property
    def texts(self) -> list[str]:
        return [example.text for _head, examples in self.tasks for example in examples]


def gather(sets: Sequence[Dataset], data: Path) -> Material:
    """Read every set, leave out what is held out or nearly so, and prepare what training sees of the rest.

    Raises:
        DatasetError: a set cannot be read, or has a label that its head is not declared with.
    """
    heads = declarations.labels()
    tasks: list[tuple[str, tuple[Example, ...]]] = []
    records: list[DataRecord] = []
    once: set[int] = set()
    kept: dict[str, list[Example]] = {}
    splits = [one.load(data) for one in sets]
    for one, split in zip(sets, splits, strict=True):
        require_labels((*split.train, *split.validation), heads.get(one.head, ()), path=one.source, head=one.head)
    held_out = [row.text for split in splits for row in split.test]
    for one, split in zip(sets, splits, strict=True):
        if not split.train:
            continue  # only measured on
        chance = random.Random(0)  # noqa: S311 - views of rows, not a secret
        parts = parted(split, held_out)
        seen = [view for _ in range(one.repeat) for row in parts.train for view in one.views(row, chance)]
        rows = tuple(Example(prepare(row.text), row.label) for row in seen)
        once |= {len(tasks)} if one.once else set()
        tasks.append((one.head, rows))
        source = (one.name, one.head, one.licence, one.source)
        records.append(DataRecord(*source, len(rows), len(split.test), one.sha256(data)))
        if one.validates:
            kept.setdefault(one.head, []).extend(Example(prepare(row.text), row.label) for row in parts.validation)
    return Material(
        tuple(tasks), tuple(records), tuple((head, tuple(rows)) for head, rows in kept.items()), frozenset(once)
    )


def train(
    material: Material,
    start: Start,
    recipe: Recipe,
    folder: Path,
    *,
    heads: dict[str, tuple[str, ...]] | None = None,
    after: Callable[[Step], None] = lambda _step: None,
    resume: bool = False,
    replace: bool = False,
) -> Run:
    """Train the heads on `start` and leave a run folder; checkpoints on the way.

    With `resume` the run that `folder` holds goes on to the weights that it would have had unbroken; with `replace` it
    is given up for a new one.

    Raises:
        RunError: there is no such run, or one that `replace` would be needed for, or the folder cannot be written, or
            another process writes into it.
    """
    heads = heads or declarations.labels()
    torch.set_num_threads(recipe.threads)
    seed(0)  # whatever the recipe's: heads that began apart cannot be averaged
    network = Network(start.encoder, heads)
    seed(recipe.seed)
    _take_over(network, start, heads)
    tasks = encoded(material.tasks, start.tokenizer_json, heads=heads, max_length=recipe.max_length)
    who = checkpoint.identity(recipe, network, start.tokenizer_json, tasks, heads)
    orders = [
        batches(share(tasks, material.once, epoch, of=recipe.epochs), size=recipe.batch, seed=recipe.order(epoch))
        for epoch in range(recipe.epochs)
    ]
    known = declarations.declared()
    smoothing = {name: known[name].loss.smoothing for name in heads if name in known}
    loop = Loop(network, [batch for order in orders for batch in order], recipe, pad=PAD, smoothing=smoothing)
    keeper = Keeper(
        folder,
        _describe(material, start, who, heads, name=folder.name, steps=loop.steps),
        loop,
        _validation(material, start, recipe, heads),
        who=who,
        epoch_ends=[batches_ // recipe.accumulate for batches_ in accumulate(map(len, orders))],
        tokenizer_json=start.tokenizer_json,
    )
    with run_folder.alone(folder):
        keeper.begin(resume=resume, replace=replace)
        for step in loop.go():
            going_on = keeper.after(step)
            after(step)
            if not going_on:
                break
        return keeper.end()


def _validation(material: Material, start: Start, recipe: Recipe, heads: dict[str, tuple[str, ...]]) -> Validation:
    some = [(head, sample(rows, recipe.measure_rows)) for head, rows in material.validation if head in heads]
    tasks = encoded(some, start.tokenizer_json, heads=heads, max_length=recipe.max_length)
    return Validation(tasks, heads, pad=PAD)


def share(
    tasks: Sequence[tuple[str, list[Row]]], once: Collection[int], epoch: int, *, of: int
) -> list[tuple[str, list[Row]]]:
    """What an epoch sees of each task: all of its rows, or its share of them where a row is to be seen once."""
    return [(head, rows[epoch::of] if number in once else rows) for number, (head, rows) in enumerate(tasks)]


def _take_over(network: Network, start: Start, heads: dict[str, tuple[str, ...]]) -> None:
    """Heads that the start knows, with the same labels, begin where it left them."""
    with torch.no_grad():
        for name, (weight, bias) in start.heads.items():
            if start.labels.get(name) == heads.get(name):
                network.heads[name].weight.copy_(weight)
                network.heads[name].bias.copy_(bias)


def encoded(
    tasks: Sequence[tuple[str, Sequence[Example]]],
    tokenizer_json: str,
    *,
    heads: dict[str, tuple[str, ...]],
    max_length: int,
) -> list[tuple[str, list[Row]]]:
    """Each task's rows as token ids, cut to `max_length`, and label numbers."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    found = []
    for head, examples in tasks:
        encodings = tokenizer.encode_batch_fast([example.text for example in examples])
        labels = [heads[head].index(example.label) for example in examples]
        found.append((head, [Row(tuple(one.ids), label) for one, label in zip(encodings, labels, strict=True)]))
    return found


def _describe(
    material: Material, start: Start, who: Identity, heads: dict[str, tuple[str, ...]], *, name: str, steps: int
) -> Run:
    numbers = msgspec.to_builtins(who.recipe)
    numbers.pop("method")
    return Run(
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        base=start.name,
        base_licence=start.licence,
        heads=heads,
        max_length=who.recipe.max_length,
        normalization=NORMALIZATION,
        data=material.records,
        recipe={name: float(value) for name, value in numbers.items()},
        code=version("pulsewire"),
        steps_planned=steps,
        validation=True,
        seen=start.seen,
        method=who.recipe.method,
        hashes={"code": who.code, "rows": who.rows, "start": who.start},
    )
