"""A bundle's temperatures and thresholds, from the validation rows of its heads' sets.

Rows that a run before this one learnt from make a head look better than it is: they ask for too low a temperature. Such
a head is never made surer than it is, and its sure answers are those with a share of no less than what they are to be
right: its validation rows could not say.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from models import calibration
from models.datasets.dataset import Dataset, Example
from models.datasets.parts import parted
from models.evaluation import Reads
from models.heads import Choice, declared

FEWEST = 50  # validation rows; a head with less keeps what it says


def found(
    classifier: Reads, sets: Sequence[Dataset], data: Path, *, seen: Collection[str] = ()
) -> tuple[dict[str, float], dict[str, float]]:
    """Temperature, and the least share of a sure answer, of each head that has validation rows enough.

    The classifier must answer at temperature 1. `seen` are the heads whose rows were learnt from once.
    """
    heats, sures = {}, {}
    for head, rows in validation(sets, data).items():
        if head not in classifier.manifest.labels or len(rows) < FEWEST:
            continue
        names = classifier.manifest.labels[head]
        readings = classifier.classify([row.text for row in rows])
        logits = calibration.logits_of([one.probabilities[head] for one in readings])
        truth = [names.index(row.label) for row in rows]
        heats[head] = calibration.temperature(logits, truth)
        if head in seen and heats[head] < 1:
            heats[head] = 1.0
        honest = calibration.tempered(logits, heats[head])
        hits = (honest.argmax(1) == truth).tolist()
        choice = declared()[head].choice if head in declared() else Choice()
        known = calibration.sure_from(honest.max(1).tolist(), hits, share=choice.sure)
        sures[head] = choice.sure if head in seen else known
    return heats, sures


def validation(sets: Sequence[Dataset], data: Path) -> dict[str, list[Example]]:
    """The validation rows of each head, out of the sets of which they are looked at."""
    chosen = [one for one in sets if one.validates]
    splits = [one.load(data) for one in chosen]
    held_out = [row.text for split in splits for row in split.test]
    rows: dict[str, list[Example]] = {}
    for one, split in zip(chosen, splits, strict=True):
        rows.setdefault(one.head, []).extend(parted(split, held_out).validation)
    return rows
