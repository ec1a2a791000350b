"""A whole training run: read the sets, prepare the texts, start from the encoder, loop, keep what came out."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import torch
from tokenizers import Tokenizer

from models import heads as declarations
from models.datasets.dataset import Dataset, Example
from models.datasets.parts import parted
from models.manifest import DataRecord
from models.text import NORMALIZATION, prepare
from models.training import loop, run_folder
from models.training.batches import Row, batches
from models.training.loop import Recipe, Step
from models.training.network import Network, seed
from models.training.run_folder import Run
from models.training.start import Start

PAD = 1
LOG_EVERY = 10


class Material(msgspec.Struct, frozen=True):
    """The sets' rows, prepared, and the record of where they come from."""

    tasks: tuple[tuple[str, tuple[Example, ...]], ...]  # head, examples whose texts are prepared
    records: tuple[DataRecord, ...]

    @property
    def texts(self) -> list[str]:
        return [example.text for _head, examples in self.tasks for example in examples]


def gather(sets: Sequence[Dataset], data: Path) -> Material:
    """Read every set, leave out what is held out or nearly so, and prepare what training sees of the rest."""
    tasks, records = [], []
    splits = [one.load(data) for one in sets]
    held_out = [row.text for split in splits for row in split.test]
    for one, split in zip(sets, splits, strict=True):
        if not split.train:
            continue  # only measured on
        chance = random.Random(0)  # noqa: S311 - views of rows, not a secret
        learnt = parted(split.train, held_out).train
        seen = [view for _ in range(one.repeat) for row in learnt for view in one.views(row, chance)]
        rows = tuple(Example(prepare(row.text), row.label) for row in seen)
        tasks.append((one.head, rows))
        source = (one.name, one.head, one.licence, one.source)
        records.append(DataRecord(*source, len(rows), len(split.test), one.sha256(data)))
    return Material(tuple(tasks), tuple(records))


def train(
    material: Material,
    start: Start,
    recipe: Recipe,
    folder: Path,
    *,
    heads: dict[str, tuple[str, ...]] | None = None,
    after: Callable[[Step], None] = lambda _step: None,
) -> Run:
    """Train the heads on `start` and leave a run folder; checkpoints on the way."""
    heads = heads or declarations.labels()
    torch.set_num_threads(recipe.threads)
    seed(recipe.seed)
    network = Network(start.encoder, heads)
    _take_over(network, start, heads)
    tasks = encoded(material, start.tokenizer_json, heads=heads, max_length=recipe.max_length)
    orders = [batches(tasks, size=recipe.batch, seed=recipe.seed + epoch) for epoch in range(recipe.epochs)]
    work = [batch for order in orders for batch in order]
    run = _describe(material, start, recipe, heads, name=folder.name, steps=len(work))
    keeper = _Keeper(folder, run, network, start.tokenizer_json, checkpoint_s=recipe.checkpoint_s)

    def both(step: Step) -> None:
        keeper.after(step)
        after(step)

    known = declarations.declared()
    smoothing = {name: known[name].loss.smoothing for name in heads if name in known}
    return keeper.save(loop.run(network, work, recipe, pad=PAD, after=both, smoothing=smoothing))


def _take_over(network: Network, start: Start, heads: dict[str, tuple[str, ...]]) -> None:
    """Heads that the start knows, with the same labels, begin where it left them."""
    with torch.no_grad():
        for name, (weight, bias) in start.heads.items():
            if start.labels.get(name) == heads.get(name):
                network.heads[name].weight.copy_(weight)
                network.heads[name].bias.copy_(bias)


def encoded(
    material: Material, tokenizer_json: str, *, heads: dict[str, tuple[str, ...]], max_length: int
) -> list[tuple[str, list[Row]]]:
    """Each task's rows as token ids, cut to `max_length`, and label numbers."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    tasks = []
    for head, examples in material.tasks:
        encodings = tokenizer.encode_batch_fast([example.text for example in examples])
        labels = [heads[head].index(example.label) for example in examples]
        tasks.append((head, [Row(tuple(one.ids), label) for one, label in zip(encodings, labels, strict=True)]))
    return tasks


def _describe(
    material: Material, start: Start, recipe: Recipe, heads: dict[str, tuple[str, ...]], *, name: str, steps: int
) -> Run:
    return Run(
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        base=start.name,
        base_licence=start.licence,
        heads=heads,
        max_length=recipe.max_length,
        normalization=NORMALIZATION,
        data=material.records,
        recipe={name: float(value) for name, value in msgspec.to_builtins(recipe).items()},
        code=version("pulsewire"),
        steps_planned=steps,
        validation=True,
        seen=start.seen,
    )


class _Keeper:
    """Writes the log and the checkpoints of a run."""

    def __init__(self, folder: Path, run: Run, network: Network, tokenizer_json: str, *, checkpoint_s: float) -> None:
        self.folder, self.run, self.network, self.tokenizer_json = folder, run, network, tokenizer_json
        self.checkpoint_s, self.saved_at = checkpoint_s, time.monotonic()
        self.losses: dict[str, list[float]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def after(self, step: Step) -> None:
        self.losses.setdefault(step.head, []).append(step.loss)
        if step.step % LOG_EVERY == 0:
            self._log(step)
        if time.monotonic() - self.saved_at >= self.checkpoint_s:
            self.save(step)
            self.saved_at = time.monotonic()

    def save(self, step: Step) -> Run:
        run = msgspec.structs.replace(self.run, steps=step.step, seconds=round(step.seconds, 1))
        run_folder.save(self.folder, run, self.network, self.tokenizer_json)
        return run

    def _log(self, step: Step) -> None:
        means = {head: round(sum(all_) / len(all_), 4) for head, all_ in sorted(self.losses.items())}
        line = {"step": step.step, "rows_per_s": round(step.rows / step.seconds, 1), "done": round(step.done, 4)}
        with (self.folder / "log.jsonl").open("ab") as log:
            log.write(msgspec.json.encode(line | {"loss": means}) + b"\n")
        self.losses.clear()
