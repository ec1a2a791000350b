"""A training run made into a bundle: graph, parity, figures, manifest, publication."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import onnx
import onnxruntime as ort

from export import calibrate, parity
from export.graph import graph
from export.parity import Parity
from export.probes import PROBES
from models import manifest as manifests
from models.console import Report
from models.datasets.dataset import Dataset, sample
from models.datasets.ours import OURS
from models.errors import ExportError, NoCuda
from models.evaluation import SetReport, evaluate
from models.manifest import FORMAT, MANIFEST, MODEL, TOKENIZER, Manifest
from models.publish import published
from models.runtime import Classifier
from models.training import run_folder
from models.training.run_folder import Run

FITTED_ROWS = 50  # of each set's training rows: what int8 weights are fitted to
INVARIANCE_ROWS = 10  # of each head
REMEMBERED = 1_000_000  # answers: what was compared need not be asked again for the figures
PAD = 1
LEAST = {"int8": 0.99, "fp16": 0.999, "fp32": 0.999}  # share of labels as in fp32


class Plan(msgspec.Struct, frozen=True):
    """What to make of a run. Without `data` there are no figures, and parity is seen on the project's own texts."""

    target: Path
    name: str = "base"
    precision: str = "int8"
    data: Path | None = None
    sets: tuple[Dataset, ...] = ()
    limit: int | None = None  # test rows of each set
    least_agreement: float | None = None  # what is asked of the precision where None
    replace: bool = False


def export(source: Path, plan: Plan, *, report: Report) -> Manifest:
    """Make the bundle and put it at `plan.target`.

    Raises:
        RunError: `source` holds no whole run.
        ExportError: the name is none for a bundle, the graph does not answer as the network does, or the target exists
            or cannot be written.
    """
    if not manifests.NAME.fullmatch(plan.name):
        msg = f"a bundle cannot be called {plan.name!r}: take letters, digits, '.', '_' and '-', such as desk"
        raise ExportError(msg)
    run, network, tokenizer_json = run_folder.load(source)
    with published(plan.target, replace=plan.replace) as part:
        (part / TOKENIZER).write_text(tokenizer_json, encoding="utf-8")
        fitted = _fitted_texts(plan)
        onnx.save(graph(source, run, network, precision=plan.precision, texts=fitted), part / MODEL)
        honest = _calibrated(part, run, _manifest(part, run, plan), plan)
        _write(part, honest)
        with _exact(part, honest, lambda: graph(source, run, network, precision="fp32", texts=[])) as exact:
            parity.require_network(exact, network)
            seen, reports = _measured(part, exact, plan, report=report)
        finished = msgspec.structs.replace(honest, metrics=_metrics(seen, reports))
        _write(part, finished)
    return finished


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
    )


def _calibrated(part: Path, run: Run, bare: Manifest, plan: Plan) -> Manifest:
    """The manifest with temperatures and thresholds, found on validation rows where the sets are at hand."""
    if not plan.data:
        return bare
    _write(part, bare)
    with _opened(part) as classifier:
        heats, sures = calibrate.found(classifier, plan.sets, plan.data, seen=run.seen)
    return msgspec.structs.replace(bare, temperatures=heats, sure=sures)


@contextmanager
def _exact(part: Path, like: Manifest, made: Callable[[], onnx.ModelProto]) -> Iterator[Classifier]:
    """The same network in fp32, with the same temperatures; gone when the block ends."""
    with TemporaryDirectory(dir=part.parent, prefix=f"{part.name}-") as name:
        folder = Path(name)
        onnx.save(made(), folder / MODEL)
        shutil.copyfile(part / TOKENIZER, folder / TOKENIZER)
        files = {one: manifests.record(folder / one) for one in (MODEL, TOKENIZER)}
        _write(folder, msgspec.structs.replace(like, precision="fp32", files=files))
        with _opened(folder, cache=REMEMBERED) as classifier:
            yield classifier


def _measured(part: Path, exact: Classifier, plan: Plan, *, report: Report) -> tuple[list[Parity], list[SetReport]]:
    """How far the bundle answers as the network, `ExportError` where that is not far enough; and its figures."""
    with _opened(part, cache=REMEMBERED) as classifier:
        texts = _texts(plan, list(classifier.manifest.labels))
        seen = parity.compare(classifier, exact, texts, report=report)
        if plan.least_agreement is not None:
            parity.require(seen, least=plan.least_agreement)
        else:
            parity.require(seen, least=LEAST[plan.precision], few=not plan.data)
        reports = evaluate(classifier, plan.sets, plan.data, limit=plan.limit, report=report) if plan.data else []
    with _opened(part) as forgetful:
        if forgetful.device == "CPU":  # what CUDA adds in which order is its own affair
            some = [text for of_head in texts.values() for text in of_head[:: max(1, len(of_head) // INVARIANCE_ROWS)]]
            some = list(dict.fromkeys(some))
            parity.require_invariance(forgetful, some)
            session = ort.InferenceSession(part / MODEL, providers=["CPUExecutionProvider"])
            parity.require_padding(session, forgetful, some)
    return seen, reports


@contextmanager
def _opened(part: Path, *, cache: int = 0) -> Iterator[Classifier]:
    """The bundle, on CUDA if it is for that and there is one."""
    try:
        classifier = Classifier.load(part, cache=cache)
    except NoCuda:
        classifier = Classifier.load(part, cache=cache, cpu=True)
    try:
        yield classifier
    finally:
        classifier.close()


def _texts(plan: Plan, heads: Sequence[str]) -> dict[str, list[str]]:
    """For each head the texts to compare on: test rows of its sets; the project's own where none is at hand."""
    texts: dict[str, list[str]] = {head: [] for head in heads}
    if plan.data:
        for one in (one for one in plan.sets if one.measured and one.head in texts):
            texts[one.head] += [row.text for row in sample(one.load(plan.data).test, plan.limit)]
    split = OURS.load(Path())
    own = {head: [*PROBES, *(row.text for row in (*split.train, *split.test) if head == OURS.head)] for head in heads}
    return {head: some or own[head] for head, some in texts.items()}


def _metrics(seen: Sequence[Parity], reports: Sequence[SetReport]) -> dict[str, dict[str, float]]:
    figures = {
        one.name: {"rows": one.rows, "accuracy": one.accuracy, "macro_f1": one.macro_f1, "ece": one.ece}
        for one in reports
    }
    return figures | {
        "agreement_with_fp32": {one.head: one.agreement for one in seen},
        "agreement_texts": {one.head: one.texts for one in seen},
        "largest_difference": {one.head: one.difference for one in seen},
    }


def _write(part: Path, manifest: Manifest) -> None:
    (part / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
