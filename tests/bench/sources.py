"""Sentiment of a source that nobody taught: what is lost, how much of it by saying neutral, and what wins it back.

Each set in turn is left out: a network learns sentiment from the others and reads rows of it. No held-out row is
touched: those to learn from are as foreign to a network that never saw their set. Beside what it says stand the same
shares divided by how often each label came in training and multiplied by how often it comes here, which is known
(`told`) or found from the shares themselves, without a label (`estimated`; Saerens, Latinne and Decaestecker 2002).
The polarity is right where a row that is not neutral, and was not called so, has the right sign.
"""

import tempfile
from pathlib import Path

import msgspec
import numpy as np

from models import packages
from models.datasets.catalogue import CATALOGUE
from models.datasets.dataset import data_folder, sample
from models.training import start
from models.training.command import FIRST
from models.training.train import gather
from tests.bench._options import options
from tests.bench._report import write
from tests.bench._taught import HEAD, LABELS, accuracy, ask, teach

PAGE = Path(__file__).parents[2] / "docs" / "models" / "sources.md"
PACKAGES = ("torch", "transformers")
ROUNDS = 200
NEUTRAL = LABELS.index("neutral")


def main(argv):
    """Run it; with --write put the table into docs/models/sources.md."""
    known = [one for one in CATALOGUE if one.head == HEAD]
    parser = options("sources", __doc__, into=f"models/{PAGE.name}")
    parser.add_argument("--without", action="append", choices=[one.name for one in known], help="leave out this one")
    parser.add_argument("--steps", type=int, default=400, help="of 32 rows, for each network")
    parser.add_argument("--rows", type=int, default=1_000, help="that are read of a set")
    parser.add_argument("--max-length", type=int, default=192, help="tokens that are read")
    chosen = parser.parse_args(argv)
    rows = []
    for one in known:
        if one.name in (chosen.without or ("sentfin", "tfns", "cfbenchmark-zh")):
            rows.append(_left_out(one, known, chosen))
            if chosen.write:
                about = f"{(__doc__ or '').strip()}\n\n{chosen.steps} steps of 32 rows, {chosen.max_length} tokens."
                write("A source that nobody taught", about, rows, page=PAGE, packages=PACKAGES)
    return rows


def _left_out(one, known, chosen):
    others = gather([other for other in known if other is not one], data_folder())
    foreign = sample(one.load(data_folder()).train, chosen.rows)
    beginning = start.multilingual_e5_small([*others.texts, *(row.text for row in foreign)], packages.cache_folder())
    recipe = msgspec.structs.replace(
        FIRST, steps=chosen.steps, max_length=chosen.max_length, measure_every=0, measure_rows=100
    )
    with tempfile.TemporaryDirectory() as folder:
        teach(f"without {one.name}", others, beginning, recipe, Path(folder) / "run")
        shares, labels = ask(Path(folder) / "run", foreign, max_length=chosen.max_length)
    taught = [row.label for _, rows in others.tasks for row in rows]
    before = np.array([taught.count(label) / len(taught) for label in LABELS])
    here = np.bincount(labels, minlength=len(LABELS)) / len(labels)
    found = estimated(shares, before)
    return {"left out": one.name, **figures(shares, labels), "neutral in training": f"{before[NEUTRAL]:.2f}"} | {
        "accuracy, priors told": f"{accuracy(moved(shares, before, here), labels):.3f}",
        "estimated": f"{accuracy(moved(shares, before, found), labels):.3f}",
        "neutral estimated": f"{found[NEUTRAL]:.2f}",
    }


def figures(shares, labels):
    """What a set's rows were called."""
    said = shares.argmax(1)
    both = (said != NEUTRAL) & (labels != NEUTRAL)
    return {
        "rows": len(labels),
        "accuracy": f"{accuracy(shares, labels):.3f}",
        "neutral are": f"{(labels == NEUTRAL).mean():.2f}",
        "are called so": f"{(said == NEUTRAL).mean():.2f}",
        "polarity right": f"{(said[both] == labels[both]).mean():.3f}",
    }


def moved(shares, before, now):
    """The shares (rows × labels), had labels come as often as `now` instead of as `before`."""
    weighed = shares * (now / before)
    return weighed / weighed.sum(1, keepdims=True)


def estimated(shares, before):
    """How often each label comes among rows with these shares, by expectation and maximisation."""
    now = before
    for _ in range(ROUNDS):
        now = moved(shares, before, now).mean(0)
    return now
