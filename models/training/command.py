"""What `pulsewire train` does: the shipped model's sets, recipe and starting weights, told as it goes."""

from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from models import heads, packages
from models.console import Report
from models.datasets.catalogue import CATALOGUE, require_sets
from models.datasets.dataset import Dataset, sample
from models.errors import HeadError, RunError
from models.training import checkpoint, network, start
from models.training import train as training
from models.training.recipe import Recipe, Step
from models.training.run_folder import Run
from models.training.train import Material

# Words that no set has keep their place beside those that one has: the table stays as the encoder came.
FIRST = Recipe(max_length=512, freeze_words=True)
# A network that knows its texts already is kept from learning them by heart.
FURTHER = msgspec.structs.replace(FIRST, encoder_rate=8e-5)
# What is added beside the matrices starts from nothing and needs a higher rate than they do.
RATES = {"lora": 1e-3, "adapters": 5e-3}


class Choices(msgspec.Struct, frozen=True):
    """What the command leaves open of a recipe; the names are the recipe's own."""

    epochs: int = 3
    seed: int = 0
    steps: int = 0
    minutes: float = 0.0
    threads: int = 1
    method: str = "full"
    rank: int = Recipe().rank
    accumulate: int = 1
    measure_every: int = 1_000
    patience: int = 0

    def over(self, recipe: Recipe) -> Recipe:
        """The recipe with these choices in it."""
        chosen = msgspec.structs.asdict(self) | {"limit_s": self.minutes * 60}
        del chosen["minutes"]
        if rate := RATES.get(self.method):
            chosen["encoder_rate"] = rate
        return msgspec.structs.replace(recipe, **chosen)


class Where(msgspec.Struct, frozen=True):
    """The run's folder, the run that it goes on from, and what becomes of an unfinished one in the folder."""

    out: Path
    further: Path | None = None
    resume: bool = False
    replace: bool = False


def run(where: Where, data: Path, choices: Choices, *, added: Sequence[Dataset] = (), rows: int, report: Report) -> Run:
    """Train and leave a run; `ModelError` when sets, rows, weights or the run to go on from cannot be had.

    `added` are sets beside those of the catalogue.
    """
    if where.further and where.further.resolve() == where.out.resolve():
        msg = f"the run would be written over the one that it goes on from, {where.out}: name another folder with --out"
        raise RunError(msg)
    sets = (*CATALOGUE, *added)
    network.require_names(heads.declared())
    require_sets()
    _require_rows({one.head for one in sets})
    checkpoint.require(where.out, resume=where.resume, replace=where.replace)  # said before the sets are read
    material = training.gather(sets, data)
    _require_rows({head for head, some in material.tasks if some})  # a set may have none to learn from
    if where.further:
        beginning, recipe = start.earlier_run(where.further), FURTHER
    else:
        beginning, recipe = start.multilingual_e5_small(material.texts, packages.cache_folder()), FIRST

    def after(step: Step) -> None:
        pace = step.rows / step.seconds
        report(max(step.done, step.step / step.steps), f"{step.head} loss {step.loss:.3f}, {pace:.0f} rows/s")

    return training.train(
        _cut(material, rows),
        beginning,
        choices.over(recipe),
        where.out,
        after=after,
        resume=where.resume,
        replace=where.replace,
    )


def _require_rows(taught: Collection[str]) -> None:
    """`HeadError` for a declared head that nothing is learnt for: its answers would be drawn at random."""
    if bare := [head for head in heads.declared() if head not in taught]:
        msg = (
            f"head {bare[0]} has no rows to learn from: name a set of its own in {heads.HERE / bare[0]}.toml"
            f" (`sets = [...]`), or give --add FILE:{bare[0]}"
        )
        raise HeadError(msg)


def _cut(material: Material, rows: int) -> Material:
    if not rows:
        return material
    tasks = tuple((head, tuple(sample(some, rows))) for head, some in material.tasks)
    return msgspec.structs.replace(material, tasks=tasks)
