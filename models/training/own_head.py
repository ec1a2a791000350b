"""A head for a user's own labels on a bundle that is there: minutes on a CPU, from a few examples a label.

1. The encoder is frozen: every other head of the new bundle answers with the same bits as before, which is checked.
2. The new head is found in closed form (see `discriminant`); the same rows give the same bundle.
3. A bundle appears whole or not at all, and the one that was read is untouched.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from models import heads
from models import manifest as manifests
from models.console import Report
from models.datasets.dataset import Example, sample, sha256
from models.datasets.duplicates import groups
from models.datasets.own import LICENCE, Own
from models.errors import BundleError, HeadError
from models.manifest import MANIFEST, MODEL, TOKENIZER, DataRecord, Manifest
from models.publish import published
from models.runtime import Classifier
from models.training import discriminant, features
from models.training.discriminant import Fitted, Linear
from models.training.graft import Graft

MOST_ROWS = 20_000  # more do not make it better, and its covariance is made of all of them


class Taught(msgspec.Struct, frozen=True):
    """The bundle that was made, and the share of left-out rows that its new head got right."""

    manifest: Manifest
    rows: int
    labels: int
    accuracy: float


def teach(
    bundle: Path, name: str, own: Own, data: Path, target: Path, *, kinds: Sequence[str], replace: bool, report: Report
) -> Taught:
    """Add the head to the bundle, as a new bundle at `target`, to answer for these kinds of events.

    Raises:
        ModelError: anything is off.
    """
    heads.require_name(name)
    known = manifests.read(bundle)
    if name in known.labels:
        msg = f"{known.name} has a head {name} already: choose another name"
        raise HeadError(msg)
    rows = sample(own.rows, MOST_ROWS)
    with published(target, replace=replace) as part:
        graft = Graft(bundle / MODEL)
        graft.require_free(name)
        read = features.read(graft.features(), bundle, known, [row.text for row in rows], report=report)
        fitted = head_of(read, rows, own.labels)
        (part / MODEL).write_bytes(graft.with_head(name, fitted.head.weight, fitted.head.bias))
        (part / TOKENIZER).write_bytes((bundle / TOKENIZER).read_bytes())
        record = DataRecord(data.name, name, LICENCE, data.name, len(rows), 0, sha256([data]))
        made = _manifest(part, known, name, labels=own.labels, fitted=fitted, record=record)
        made = msgspec.structs.replace(made, kinds=known.kinds | {name: tuple(kinds)})
        (part / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
        _require_the_same(bundle, part, rows[:20])
    return Taught(made, len(rows), len(own.labels), fitted.accuracy)


def head_of(read: features.Floats, rows: Sequence[Example], labels: tuple[str, ...]) -> Fitted:
    """The head over the features as they come: the scaling that it was found with is part of its numbers."""
    truth, alike = np.array([labels.index(row.label) for row in rows]), groups([row.text for row in rows])
    wide = read.astype(np.float64)
    middle, spread = wide.mean(0), wide.std(0) + 1e-6
    fitted = discriminant.fit((wide - middle) / spread, truth, len(labels), groups=alike)
    weight = fitted.head.weight / spread
    head = Linear(weight, fitted.head.bias - weight @ middle)
    return msgspec.structs.replace(fitted, head=head)


def _manifest(
    part: Path, known: Manifest, name: str, *, labels: tuple[str, ...], fitted: Fitted, record: DataRecord
) -> Manifest:
    files = {one: manifests.record(part / one) for one in (MODEL, TOKENIZER)}
    all_labels = known.labels | {name: labels}
    return msgspec.structs.replace(
        known,
        name=f"{known.name.rsplit('-', 1)[0]}-{name}-{files[MODEL].sha256[:8]}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code=version("pulsewire"),
        labels=all_labels,
        outputs=manifests.outputs(all_labels),
        files=files,
        data=(*known.data, record),
        temperatures=known.temperatures | {name: 1.0},  # its logits are as sure as they ought to be
        sure=known.sure | {name: fitted.sure},
        metrics=known.metrics | {name: {"rows": record.train_rows, "accuracy_left_out": fitted.accuracy}},
    )


def _require_the_same(bundle: Path, part: Path, rows: Sequence[Example]) -> None:
    texts = [row.text for row in rows]
    answers = []
    for folder in (bundle, part):
        classifier = Classifier.load(folder, threads=1, cache=0)
        answers.append([(one.probabilities, one.tokens) for one in classifier.classify(texts)])
        classifier.close()
    for (before, tokens), (after, same) in zip(*answers, strict=True):
        if tokens != same or any(after[head] != shares for head, shares in before.items()):
            msg = f"another head of {bundle} answers otherwise with the new one beside it: nothing was written"
            raise BundleError(msg)
