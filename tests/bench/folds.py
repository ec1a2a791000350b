"""Chinese finance articles (CFBenchmark) by five folds: each is read by a network that never saw it.

First a network learns sentiment from all other sets, once for all folds. From there it learns the four other folds of
the articles, among as many rows of the other sets, at the rate of a run that goes on from another. What ships learns
from four folds alike, and its figures are those of one, of 119 rows: this says how far that may be chance, and how
often an article is to be seen. No held-out row of any other set is touched.
"""

import statistics
import tempfile
from functools import partial
from pathlib import Path

import msgspec
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from models import packages
from models.datasets.catalogue import CATALOGUE
from models.datasets.cfbenchmark import CFBENCHMARK, FOLDS, read
from models.datasets.dataset import Example, data_folder, sample
from models.text import prepare
from models.training import start
from models.training.command import FIRST, FURTHER
from models.training.train import gather
from tests.bench._options import options
from tests.bench._report import write
from tests.bench._taught import HEAD, accuracy, ask, teach

PAGE = Path(__file__).parents[2] / "docs" / "models" / "ablations.md"
PACKAGES = ("torch", "transformers", "scikit-learn")


def main(argv):
    """Run it; with --write put the table into docs/models/ablations.md."""
    parser = options("folds", __doc__, into=f"models/{PAGE.name}")
    parser.add_argument("--epochs", type=int, action="append", help="passes over the articles; may be given again")
    parser.add_argument("--steps", type=int, default=0, help="of the first part; 0: one epoch")
    parser.add_argument("--max-length", type=int, action="append", help="tokens that are read; may be given again")
    parser.add_argument("--fold", type=int, action="append", choices=range(FOLDS), help="only this one")
    chosen = parser.parse_args(argv)
    folds = chosen.fold or list(range(FOLDS))
    rows = [_row("TF-IDF of characters, logistic regression", "", [_linear(fold) for fold in folds])]
    with tempfile.TemporaryDirectory() as folder:
        common = Path(folder) / "common"
        _common(common, chosen.steps)
        for length in chosen.max_length or [FIRST.max_length]:
            for epochs in chosen.epochs or [3]:
                recipe = msgspec.structs.replace(FURTHER, epochs=epochs, max_length=length, measure_every=0)
                found = [_tuned(common, fold, recipe, Path(folder) / f"{length}-{epochs}-{fold}") for fold in folds]
                rows.append(_row(f"{epochs} epochs, {length} tokens", epochs, found))
                if chosen.write:
                    write("Chinese articles", (__doc__ or "").strip(), rows, page=PAGE, packages=PACKAGES)
    return rows


def _row(name, epochs, found):
    return {
        "run": name,
        "articles are seen": 3 * epochs if epochs else "",
        **{f"fold {number + 1}": f"{one:.3f}" for number, one in enumerate(found)},
        "mean": f"{statistics.fmean(found):.3f}",
    }


def _split(fold):
    return read(data_folder(), fold=fold)


def _linear(fold):
    split = _split(fold)
    model = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2),
        LogisticRegression(C=10, max_iter=2_000),
    )
    model.fit([row.text for row in split.train], [row.label for row in split.train])
    return model.score([row.text for row in split.test], [row.label for row in split.test])


def _others():
    return [one for one in CATALOGUE if one.head == HEAD and one is not CFBENCHMARK]


def _common(folder, steps):
    material = gather(_others(), data_folder())
    articles = [prepare(row.text) for row in (*_split(0).train, *_split(0).test)]  # so that their pieces are kept
    beginning = start.multilingual_e5_small([*material.texts, *articles], packages.cache_folder())
    teach("all other sets", material, beginning, msgspec.structs.replace(FIRST, steps=steps, measure_every=0), folder)


def _tuned(common, fold, recipe, folder):
    """The accuracy on a fold of a network that goes on from the common one."""
    own = msgspec.structs.replace(CFBENCHMARK, read=partial(read, fold=fold))
    material = gather([own, *_others()], data_folder())
    size = len(material.tasks[0][1])
    others = [Example(row.text, row.label) for _head, rows in material.tasks[1:] for row in rows]
    mixed = ((HEAD, material.tasks[0][1]), (HEAD, tuple(sample(others, size))))
    material = msgspec.structs.replace(material, tasks=mixed, once=frozenset())
    teach(f"fold {fold + 1}, {recipe.epochs} epochs", material, start.earlier_run(common), recipe, folder)
    shares, labels = ask(folder, _split(fold).test, max_length=recipe.max_length)
    found = accuracy(shares, labels)
    print(f"fold {fold + 1}, {recipe.epochs} epochs: {found:.3f}", flush=True)  # one that is broken off says something
    return found
