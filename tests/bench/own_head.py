"""A head of one's own from few examples a label, beside a linear reader of words: how right it is, over several draws.

Reuters' topics, twelve of them, no bundle that ships has ever learnt from; banking77 none that has no head for it, such
as the first that shipped (`git archive 05ae89f models/bundle`, named by --bundle). Each draw takes so many rows of each
label at random from the rows to learn from, and each is measured on all held-out rows, none of which is ever drawn.
The encoder is frozen, so texts are read once. The baseline: TF-IDF of one and two words, logistic regression.
"""

import gzip
import json
import random
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from models import manifest as manifests
from models import registry
from models.calibration import expected_error, tempered
from models.console import progress
from models.datasets.banking77 import BANKING77
from models.datasets.dataset import Example, data_folder, sample
from models.manifest import MODEL
from models.training import features, own_head
from models.training.graft import Graft
from tests.bench._options import options
from tests.bench._report import spread, write

PAGE = Path(__file__).parents[2] / "docs" / "models" / "own-heads.md"
PACKAGES = ("onnxruntime-gpu", "scikit-learn")
TOPICS = 12
FORM = "{:.3f}"


def main(argv):
    """Run it; with --write put the table into docs/models/own-heads.md."""
    parser = options("own_head", __doc__, into=f"models/{PAGE.name}")
    parser.add_argument("--bundle", action="append", help="base, small or a folder; may be given again")
    parser.add_argument("--examples", type=int, action="append", help="rows a label; may be given again")
    parser.add_argument("--draws", type=int, default=5)
    chosen = parser.parse_args(argv)
    rows = []
    for folder in (registry.resolved(Path(name)) for name in chosen.bundle or ("base", "small")):
        known = manifests.read(folder)
        for name, split in SETS.items():
            if name not in {record.name for record in known.data}:
                rows += _raced(name, split(data_folder()), folder, known, chosen)
                if chosen.write:
                    write("Few examples", __doc__.strip(), rows, page=PAGE, packages=PACKAGES)
    return rows


class Read(NamedTuple):
    """A set, and what the heads read of its texts: those to learn from, then the others."""

    train: list
    test: list
    features: Any

    @property
    def labels(self):
        return tuple(sorted({row.label for row in self.train}))


def _raced(name, split, folder, known, chosen):
    train, test = split
    graft = Graft(folder / MODEL)
    texts = [row.text for row in (*train, *test)]
    with progress(f"{known.name}, {name}") as report:
        read = Read(train, test, features.read(graft.features(), folder, known, texts, report=report))
    return [
        _row(known.name, name, examples, [_drawn(read, examples, seed) for seed in range(chosen.draws)])
        for examples in chosen.examples or (8, 10, 20)
    ]


def _drawn(read, examples, seed):
    """Accuracy, calibration error and seconds of the head, and the accuracy of the linear reader of words."""
    chance = random.Random(seed)
    places = {label: [at for at, row in enumerate(read.train) if row.label == label] for label in read.labels}
    taken = [at for some in places.values() for at in chance.sample(some, examples)]
    learnt = [read.train[at] for at in taken]
    began = time.process_time()
    head = own_head.head_of(read.features[taken], learnt, read.labels).head
    seconds = time.process_time() - began
    shares = tempered(head.logits(read.features[len(read.train) :].astype(np.float64)), 1.0)
    right = shares.argmax(1) == np.array([read.labels.index(row.label) for row in read.test])
    words = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1_000)
    )
    words.fit([row.text for row in learnt], [row.label for row in learnt])
    by_words = words.score([row.text for row in read.test], [row.label for row in read.test])
    return right.mean(), expected_error(shares.max(1).tolist(), right.tolist()), seconds, by_words


def _row(bundle, name, examples, found):
    right, error, seconds, by_words = zip(*found, strict=True)
    return {
        "bundle": f"`{bundle}`",
        "set": name,
        "examples a label": examples,
        "accuracy": spread(right, FORM),
        "words alone": spread(by_words, FORM),
        "ECE": f"{statistics.median(error):.3f}",
        "seconds to find it": f"{statistics.median(seconds):.0f}",
    }


def _reuters(data):
    """Articles of one topic, of the most frequent but two, which are half of all; the latest fifth is held out."""
    with gzip.open(data / "news_reuters" / "articles.jsonl.gz") as lines:
        articles = [json.loads(line) for line in lines]
    single = [one for one in articles if len(one["topics"]) == 1 and one["body"].strip()]
    most = Counter(one["topics"][0] for one in single).most_common(TOPICS + 2)[2:]
    topics = {topic for topic, _number in most}
    rows = [Example(f"{one['title']}\n{one['body']}", one["topics"][0]) for one in single if one["topics"][0] in topics]
    cut = len(rows) * 4 // 5
    return rows[:cut], rows[cut:]


def _banking(data):
    split = BANKING77.read(data)
    by_label = {}
    for row in split.train:
        by_label.setdefault(row.label, []).append(row)
    return [row for rows in by_label.values() for row in sample(rows, 40)], list(split.test)


SETS = {"Reuters topics": _reuters, BANKING77.name: _banking}
