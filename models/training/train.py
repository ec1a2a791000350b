"""A whole training run: read the sets, prepare the texts, start from the encoder, loop, keep what came out."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import torch
from tokenizers import Tokenizer

from models.datasets.dataset import Dataset, Example
from models.labels import HEADS
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
    """The sets' training rows, prepared, and the record of where they come from."""

    tasks: tuple[tuple[str, tuple[Example, ...]], ...]  # head, examples whose texts are prepared
    records: tuple[DataRecord, ...]

    @property
    def texts(self) -> list[str]:
        return [example.text for _head, examples in self.tasks for example in examples]


def gather(sets: Sequence[Dataset], data: Path) -> Material:
    """Read every set and prepare its training texts."""
    tasks, records = [], []
    for one in sets:
        split = one.load(data)
        rows = tuple(Example(prepare(row.text), row.label) for row in split.train) * one.repeat
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
    heads: dict[str, tuple[str, ...]] = HEADS,
    after: Callable[[Step], None] = lambda _step: None,
) -> Run:
    """Train the heads on `start` and leave a run folder; checkpoints on the way."""
    torch.set_num_threads(recipe.threads)
    seed(recipe.seed)
    network = Network(start.encoder, heads)
    tasks = encoded(material, start.tokenizer_json, heads=heads, max_length=recipe.max_length)
    orders = [batches(tasks, size=recipe.batch, seed=recipe.seed + epoch) for epoch in range(recipe.epochs)]
    work = [batch for order in orders for batch in order]
    run = _describe(material, start, recipe, heads, name=folder.name, steps=len(work))
    keeper = _Keeper(folder, run, network, start.tokenizer_json, checkpoint_s=recipe.checkpoint_s)

    def both(step: Step) -> None:
        keeper.after(step)
        after(step)

    return keeper.save(loop.run(network, work, recipe, pad=PAD, after=both))


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
        recipe=msgspec.to_builtins(recipe),
        code=version("pulsewire"),
        steps_planned=steps,
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
