"""A training run made into a bundle: graph, parity, figures, manifest, publication."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import onnx
from tokenizers import Tokenizer

from export import bert, parity
from export.linear import Exact, Linear, RowInt8
from export.probes import PROBES
from export.publish import published
from models import manifest as manifests
from models.console import Report
from models.datasets.dataset import Dataset, sample
from models.evaluation import SetReport, evaluate
from models.manifest import FORMAT, MANIFEST, MODEL, TOKENIZER, Manifest
from models.runtime import Classifier
from models.training import run_folder
from models.training.network import Network
from models.training.run_folder import Run

PRECISIONS: dict[str, type[Linear]] = {"int8": RowInt8, "fp32": Exact}
PARITY_ROWS = 200  # of each test set
INVARIANCE_ROWS = 50  # of each head
PAD = 1


class Plan(msgspec.Struct, frozen=True):
    """What to make of a run. Without `data` there are no figures, and parity is seen on the project's own probes."""

    target: Path
    name: str = "base"
    precision: str = "int8"
    data: Path | None = None
    sets: tuple[Dataset, ...] = ()
    limit: int | None = None  # test rows of each set
    least_agreement: float = 0.95
    replace: bool = False


def export(source: Path, plan: Plan, *, report: Report) -> Manifest:
    """Make the bundle and put it at `plan.target`.

    Raises:
        RunError: `source` holds no whole run.
        ExportError: the graph does not answer as the network does, or the target exists.
    """
    run, network, tokenizer_json = run_folder.load(source)
    with published(plan.target, replace=plan.replace) as part:
        _write_graph(part, source, run, network, precision=plan.precision)
        (part / TOKENIZER).write_text(tokenizer_json, encoding="utf-8")
        bare = _manifest(part, run, plan)
        _write(part, bare)
        finished = msgspec.structs.replace(bare, metrics=_measured(part, network, plan, report=report))
        _write(part, finished)
    return finished


def _write_graph(part: Path, source: Path, run: Run, network: Network, *, precision: str) -> None:
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    shape = msgspec.json.decode((source / "encoder.json").read_bytes(), type=bert.Shape)
    onnx.save(bert.build(weights, shape, run.heads, PRECISIONS[precision]()), part / MODEL)


def _manifest(part: Path, run: Run, plan: Plan) -> Manifest:
    files = {name: manifests.record(part / name) for name in (MODEL, TOKENIZER)}
    return Manifest(
        format=FORMAT,
        name=f"{plan.name}-{plan.precision}-{files[MODEL].sha256[:8]}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        base=run.base,
        base_licence=run.base_licence,
        code=version("pulsewire"),
        precision=plan.precision,
        labels=run.heads,
        inputs=manifests.inputs(),
        outputs=manifests.outputs(run.heads),
        normalization=run.normalization,
        max_length=run.max_length,
        pad=PAD,
        files=files,
        data=run.data,
        recipe=run.recipe,
    )


def _measured(part: Path, network: Network, plan: Plan, *, report: Report) -> dict[str, dict[str, float]]:
    """Parity and, for each set, its figures: what goes into the manifest."""
    classifier = Classifier.load(part, cache=0)
    try:
        texts = _texts(plan, list(classifier.manifest.labels))
        tokenizer = Tokenizer.from_file(str(part / TOKENIZER))
        tokenizer.enable_truncation(classifier.manifest.max_length)
        seen = parity.compare(classifier, network, tokenizer, texts)
        parity.require(seen, least=plan.least_agreement)
        parity.require_invariance(classifier, [text for some in texts.values() for text in some[:INVARIANCE_ROWS]])
        reports = evaluate(classifier, plan.sets, plan.data, limit=plan.limit, report=report) if plan.data else []
    finally:
        classifier.close()
    return _metrics(seen, reports)


def _texts(plan: Plan, heads: Sequence[str]) -> dict[str, list[str]]:
    """For each head the texts to compare on: the project's own probes, and rows of its sets where they are at hand."""
    texts = {head: list(PROBES) for head in heads}
    if plan.data:
        for one in plan.sets:
            texts[one.head] += [row.text for row in sample(one.load(plan.data).test, PARITY_ROWS)]
    return texts


def _metrics(seen: Sequence[parity.Parity], reports: Sequence[SetReport]) -> dict[str, dict[str, float]]:
    figures = {one.name: {"rows": one.rows, "accuracy": one.accuracy, "macro_f1": one.macro_f1} for one in reports}
    return figures | {
        "agreement_with_fp32": {one.head: one.agreement for one in seen},
        "agreement_texts": {one.head: one.texts for one in seen},
    }


def _write(part: Path, manifest: Manifest) -> None:
    (part / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
