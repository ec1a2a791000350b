"""Sentiment of English finance headlines (SEntFiN 1.0), a fifth held out by text.

The set gives one sentiment per entity. A headline whose entities disagree has no sentiment of its own and is left
out. 13 `Decisions` are no valid Python literals (`{'Moody's': ...}`), so the values are read by their shape. 15 texts
occur twice, so the split is by text, not by row.
"""

import csv
import random
import re
from pathlib import Path

from models.datasets.dataset import Dataset, Example, Split

FILES = ("sentiment_sentfin/headlines.csv",)
HELD_OUT = 0.2

_SENTIMENT = re.compile(r"""['"]\s*:\s*['"](negative|neutral|positive)['"]\s*(?=[,}])""")
_ENTITIES = re.compile(r"""['"]([^{}]+?)['"]\s*:\s*['"](?:negative|neutral|positive)['"]\s*(?=[,}])""")


def sentiment_of(decisions: str) -> str | None:
    """The sentiment that all entities share, or None where they disagree or none is given."""
    found = set(_SENTIMENT.findall(decisions))
    return found.pop() if len(found) == 1 else None


def entity_of(decisions: str) -> str:
    """The one entity that a headline speaks of; what is no literal tells of several."""
    names = _ENTITIES.findall(decisions)
    return names[0] if len(names) == 1 else "several"


def read(data: Path) -> Split:
    rows: dict[str, Example] = {}
    with (data / FILES[0]).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            sentiment = sentiment_of(row["Decisions"])
            if sentiment is not None:
                text = row["Title"].strip()
                rows.setdefault(text, Example(text, sentiment, entity=entity_of(row["Decisions"])))
    texts = sorted(rows)
    random.Random(0).shuffle(texts)  # noqa: S311 - a split, not a secret
    cut = round(len(texts) * HELD_OUT)
    train, test = (tuple(rows[text] for text in part) for part in (texts[cut:], texts[:cut]))
    return Split(train, test)


SENTFIN = Dataset(
    name="sentfin",
    head="sentiment",
    licence="MIT",
    source="SEntFiN 1.0, Sinha et al.",
    files=FILES,
    read=read,
)
