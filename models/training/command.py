"""What `pulsewire train` does: the shipped model's sets, recipe and starting weights, told as it goes."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from models import packages
from models.console import Report
from models.datasets.catalogue import CATALOGUE
from models.datasets.dataset import Dataset, sample
from models.training import start
from models.training import train as training
from models.training.loop import Recipe, Step
from models.training.run_folder import Run
from models.training.train import Material

# Words that no set has keep their place beside those that one has: the table stays as the encoder came.
FIRST = Recipe(max_length=192, freeze_words=True, word_drop=0.1, average=0.999)
# A network that knows its texts already is kept from learning them by heart.
FURTHER = msgspec.structs.replace(FIRST, encoder_rate=8e-5, seed=1)


def run(
    out: Path,
    data: Path,
    further: Path | None,
    *,
    epochs: int,
    minutes: float,
    rows: int,
    threads: int,
    added: Sequence[Dataset] = (),
    report: Report,
) -> Run:
    """Train and leave a run in `out`; `ModelError` when sets, weights or the run to go on from cannot be had.

    `added` are sets beside those of the catalogue.
    """
    material = training.gather((*CATALOGUE, *added), data)
    if further:
        beginning, recipe = start.earlier_run(further), FURTHER
    else:
        beginning, recipe = start.multilingual_e5_small(material.texts, packages.cache_folder()), FIRST
    recipe = msgspec.structs.replace(recipe, epochs=epochs, limit_s=minutes * 60, threads=threads)

    def after(step: Step) -> None:
        pace = step.rows / step.seconds
        report(max(step.done, step.step / step.steps), f"{step.head} loss {step.loss:.3f}, {pace:.0f} rows/s")

    return training.train(_cut(material, rows), beginning, recipe, out, after=after)


def _cut(material: Material, rows: int) -> Material:
    if not rows:
        return material
    tasks = tuple((head, tuple(sample(some, rows))) for head, some in material.tasks)
    return msgspec.structs.replace(material, tasks=tasks)
