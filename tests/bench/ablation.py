"""What each part of the training recipe is worth: short runs from the raw encoder that differ in one thing.

Every run sees the same batches in the same order, and its rate goes down to nothing by its last step. The figures are
the heads' declared metrics on validation rows, which no run learnt from; no test row is touched. Rows a second are
counted by the processor time of the one thread; what else the machine does still moves them by a fifth.
"""

import copy
import tempfile
import time
from pathlib import Path

import msgspec

from models import packages
from models.console import progress
from models.datasets.catalogue import CATALOGUE
from models.datasets.dataset import data_folder
from models.training import start
from models.training.command import FIRST, Choices
from models.training.train import gather, train
from tests.bench._options import options
from tests.bench._report import write

PAGE = Path(__file__).parents[2] / "docs" / "models" / "ablations.md"
VARIANTS = {
    "the recipe": {},
    "the mean of the weights": {"average": 0.999},
    "no label smoothing": {"smooth": False},
    "encoder rate 5e-5": {"encoder_rate": 5e-5},
    "encoder rate 2e-4": {"encoder_rate": 2e-4},
    "`--method lora`, rank 16": {"method": "lora"},
    "`--method adapters`, (IA)^3": {"method": "adapters"},
    "`--method head`": {"method": "head"},
    "table of pieces learnt": {"freeze_words": False},
}
CHOSEN = set(Choices.__struct_fields__)


def main(argv):
    """Run them; with --write put the table into docs/models/ablations.md, anew after each run."""
    parser = options("ablation", __doc__, into=f"models/{PAGE.name}")
    parser.add_argument("--steps", type=int, default=600, help="of 32 rows")
    parser.add_argument("--rows", type=int, default=400, help="validation rows of each head")
    parser.add_argument(
        "--only", action="append", choices=sorted(VARIANTS), help="besides the recipe; may be given again"
    )
    chosen = parser.parse_args(argv)
    material = gather(CATALOGUE, data_folder())
    beginning = start.multilingual_e5_small(material.texts, packages.cache_folder())
    rows = []
    section, names = (
        ("Some of them anew", dict.fromkeys(("the recipe", *chosen.only))) if chosen.only else ("Short runs", VARIANTS)
    )
    for name in names:
        rows.append(_row(name, _trained(name, material, beginning, chosen), rows[:1]))
        if chosen.write:
            write(section, _about(chosen), rows, page=PAGE, packages=("torch", "transformers", "peft"))
    return rows


def _about(chosen):
    return f"{(__doc__ or '').strip()}\n\n{chosen.steps} steps of 32 rows, {chosen.rows} validation rows a head."


def _recipe(name, chosen):
    """The recipe that `pulsewire train` takes, but for what the variant changes."""
    change = VARIANTS[name]
    recipe = Choices(**{key: value for key, value in change.items() if key in CHOSEN}).over(FIRST)
    rest = {key: value for key, value in change.items() if key not in CHOSEN}
    return msgspec.structs.replace(
        recipe, **rest, epochs=1, steps=chosen.steps, measure_rows=chosen.rows, measure_every=0, checkpoint_s=1e9
    )


def _trained(name, material, beginning, chosen):
    beginning = msgspec.structs.replace(beginning, encoder=copy.deepcopy(beginning.encoder))
    spent = []
    with tempfile.TemporaryDirectory() as folder, progress(name) as report:

        def after(step):
            spent.append((step.rows, time.process_time()))
            report(step.step / step.steps, f"{step.head} loss {step.loss:.3f}, {step.rows / step.seconds:.0f} rows/s")

        run = train(material, beginning, _recipe(name, chosen), Path(folder) / "run", after=after)
    (first, began), (last, ended) = spent[0], spent[-1]
    return run.measured[-1], (last - first) / (ended - began)


def _row(name, found, base):
    measured, pace = found
    mean = f"{measured.mean:.4f}"
    against = f"{measured.mean - float(base[0]['mean']):+.4f}" if base else ""
    heads = {head: f"{figure:.3f}" for head, figure in measured.heads.items()}
    return {"run": name} | heads | {"mean": mean, "against the recipe": against, "rows/s": f"{pace:.0f}"}
