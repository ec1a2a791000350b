"""Sentiment of English finance headlines (SEntFiN 1.0), a fifth held out by text.

The set gives one sentiment per entity. A headline whose entities disagree has no sentiment of its own and is left
out. 13 `Decisions` are no valid Python literals (`{'Moody's': ...}`), so the values are read by their shape. 15 texts
occur twice, so the split is by text, not by row.
"""

import random
import re
from pathlib import Path

from models.datasets import tables
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


def of_two_minds(data: Path) -> list[str]:
    """The headlines that are left out, as their entities disagree."""
    return [title for title, decisions in _titles(data) if sentiment_of(decisions) is None]


def _titles(data: Path) -> list[tuple[str, str]]:
    rows = tables.read(data / FILES[0], ("Title", "Decisions"))
    return [(row["Title"].strip(), row["Decisions"]) for row in rows]


def read(data: Path) -> Split:
    rows: dict[str, Example] = {}
    for title, decisions in _titles(data):
        sentiment = sentiment_of(decisions)
        if sentiment is not None:
            rows.setdefault(title, Example(title, sentiment, entity=entity_of(decisions)))
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
