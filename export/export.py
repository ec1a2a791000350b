"""A training run made into a bundle: graph, parity, figures, manifest, publication."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import onnx
from tokenizers import Tokenizer

from export import bert, calibrate, parity
from export.bert import Shape
from export.linear import Exact, RowInt8
from export.observe import observed
from export.probes import PROBES
from models import manifest as manifests
from models.console import Report
from models.datasets.dataset import Dataset, sample
from models.evaluation import SetReport, evaluate
from models.heads import declared
from models.manifest import FORMAT, MANIFEST, MODEL, TOKENIZER, Manifest
from models.publish import published
from models.runtime import Classifier
from models.text import prepare
from models.training import run_folder
from models.training.network import Network
from models.training.run_folder import Run

PARITY_ROWS = 200  # of each test set
FITTED_ROWS = 50  # of each set's training rows: what int8 weights are fitted to
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
        _write_graph(part, source, run, network, plan)
        (part / TOKENIZER).write_text(tokenizer_json, encoding="utf-8")
        bare = _manifest(part, run, plan)
        _write(part, bare)
        seen = _compared(part, network, plan)
        honest = _calibrated(part, run, bare, plan)
        _write(part, honest)
        finished = msgspec.structs.replace(honest, metrics=_metrics(seen, _reports(part, plan, report=report)))
        _write(part, finished)
    return finished


def _write_graph(part: Path, source: Path, run: Run, network: Network, plan: Plan) -> None:
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    shape = msgspec.json.decode((source / "encoder.json").read_bytes(), type=Shape)
    tokenizer = Tokenizer.from_file(str(source / TOKENIZER))
    tokenizer.enable_truncation(run.max_length)
    ids = [tokenizer.encode(prepare(text)).ids for text in _fitted_texts(plan)]
    linear = Exact() if plan.precision == "fp32" else RowInt8(observed(weights, shape, run.heads, ids))
    onnx.save(bert.build(weights, shape, run.heads, linear), part / MODEL)


def _fitted_texts(plan: Plan) -> list[str]:
    """What int8 weights are fitted to: training rows of the sets at hand, and the project's own texts."""
    at_hand = [one for one in plan.sets if plan.data or not one.files]
    rows = [row.text for one in at_hand for row in sample(one.load(plan.data or Path()).train, FITTED_ROWS)]
    return [*PROBES, *rows]


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
        kinds={head: known.kinds for head, known in declared().items() if head in run.heads},
    )


def _compared(part: Path, network: Network, plan: Plan) -> list[parity.Parity]:
    """How far the bundle answers as the network; `ExportError` where that is not far enough."""
    with _opened(part) as classifier:
        texts = _texts(plan, list(classifier.manifest.labels))
        tokenizer = Tokenizer.from_file(str(part / TOKENIZER))
        tokenizer.enable_truncation(classifier.manifest.max_length)
        seen = parity.compare(classifier, network, tokenizer, texts)
        parity.require(seen, least=plan.least_agreement)
        parity.require_invariance(classifier, [text for some in texts.values() for text in some[:INVARIANCE_ROWS]])
    return seen


def _calibrated(part: Path, run: Run, bare: Manifest, plan: Plan) -> Manifest:
    """The manifest with temperatures and thresholds, found on validation rows where the sets are at hand."""
    if not plan.data:
        return bare
    with _opened(part) as classifier:
        heats, sures = calibrate.found(classifier, plan.sets, plan.data, seen=run.seen)
    return msgspec.structs.replace(bare, temperatures=heats, sure=sures)


def _reports(part: Path, plan: Plan, *, report: Report) -> list[SetReport]:
    if not plan.data:
        return []
    with _opened(part) as classifier:
        return evaluate(classifier, plan.sets, plan.data, limit=plan.limit, report=report)


@contextmanager
def _opened(part: Path) -> Iterator[Classifier]:
    classifier = Classifier.load(part, cache=0)
    try:
        yield classifier
    finally:
        classifier.close()


def _texts(plan: Plan, heads: Sequence[str]) -> dict[str, list[str]]:
    """For each head the texts to compare on: the project's own probes, and rows of its sets where they are at hand."""
    texts = {head: list(PROBES) for head in heads}
    if plan.data:
        for one in (one for one in plan.sets if one.measured and one.head in texts):
            texts[one.head] += [row.text for row in sample(one.load(plan.data).test, PARITY_ROWS)]
    return texts


def _metrics(seen: Sequence[parity.Parity], reports: Sequence[SetReport]) -> dict[str, dict[str, float]]:
    figures = {
        one.name: {"rows": one.rows, "accuracy": one.accuracy, "macro_f1": one.macro_f1, "ece": one.ece}
        for one in reports
    }
    return figures | {
        "agreement_with_fp32": {one.head: one.agreement for one in seen},
        "agreement_texts": {one.head: one.texts for one in seen},
    }


def _write(part: Path, manifest: Manifest) -> None:
    (part / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
