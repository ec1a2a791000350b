"""From made-up rows to a bundle that answers: training and export for real, on a tiny encoder."""

import hashlib
import resource
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

import numpy as np
import onnx
import torch
from onnxruntime import InferenceSession

from export import bert, calibrate, parity
from export import command as exporting
from export.export import Plan, export
from export.graph import graph
from export.linear import Exact, RowInt8
from export.observe import observed
from export.probes import PROBES
from models import heads, packing
from models import manifest as manifests
from models.bound import Bound
from models.datasets import own
from models.datasets.dataset import Dataset, Example, Split
from models.datasets.labelled import Fields
from models.errors import DatasetError, ExportError, HeadError, NoCuda, RunError
from models.manifest import Manifest
from models.reading import Reading
from models.runtime import Classifier
from models.text import prepare
from models.training import command, run_folder, start
from models.training import train as training
from models.training.batches import Row
from models.training.mean import Mean
from models.training.network import Network
from models.training.recipe import Step
from models.training.train import gather, train
from tests.models import tiny
from tests.models.test_cli import one_line, pulsewire
from tests.models.tiny import RECIPE, quiet

pytestmark = pytest.mark.train


def on_cuda() -> bool:
    return torch.cuda.is_available()


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train(gather(tiny.sets(), Path()), tiny.start(), RECIPE, folder, heads=tiny.HEADS, after=steps.append)
    return folder


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("bundles") / "tiny"
    plan = Plan(target=target, name="tiny", data=Path(), sets=tiny.sets(), least_agreement=0.8)
    export(run, plan, report=quiet)
    return target


def test_the_loss_falls_for_every_head(run: Path, steps: list[Step]) -> None:
    learnt = sum(len(rows) for _head, rows in gather(tiny.sets(), Path()).tasks)
    assert 600 < learnt < 720  # a twentieth is kept for validation
    assert steps[-1].step == steps[-1].steps
    assert steps[-1].rows == 3 * learnt
    for head in tiny.HEADS:
        losses = [step.loss for step in steps if step.head == head]
        assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])


def test_a_run_says_what_it_was_made_of(run: Path) -> None:
    found, network, _tokenizer = run_folder.load(run)
    assert [one.name for one in found.data] == ["tiny-sentiment", "tiny-category", "tiny-severity"]
    assert (found.steps, found.base, found.max_length) == (found.steps_planned, "tiny", 24)
    assert not network.training
    assert sorted(found.hashes) == ["code", "rows", "start"]
    assert [one.step for one in found.measured] == [found.steps // 3, 2 * found.steps // 3, found.steps]
    assert found.measured[-1].mean > 0.9
    lines = [msgspec.json.decode(line) for line in (run / "log.jsonl").read_bytes().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(10, found.steps + 1, 10))


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    hashes = set()
    for name in ("one", "two"):
        recipe = msgspec.structs.replace(RECIPE, epochs=1)
        train(gather(tiny.sets(60), Path()), tiny.start(), recipe, tmp_path / name, heads=tiny.HEADS)
        hashes.add(hashlib.sha256((tmp_path / name / "model.safetensors").read_bytes()).hexdigest())
    assert len(hashes) == 1


def test_a_run_ends_by_the_clock_with_its_rate_at_zero(tmp_path: Path) -> None:
    steps: list[Step] = []
    recipe = msgspec.structs.replace(RECIPE, epochs=10_000, limit_s=1.0)
    found = train(
        gather(tiny.sets(20), Path()), tiny.start(), recipe, tmp_path / "run", heads=tiny.HEADS, after=steps.append
    )
    assert 0 < found.steps < found.steps_planned
    assert found.seconds < 5
    assert steps[-1].done > 0.9


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no whole training run"):
        run_folder.load(tmp_path)


def test_the_bundle_knows_what_it_was_taught(bundle: Path) -> None:
    classifier = Classifier.load(bundle, threads=2)
    readings = classifier.classify(["shares jump profit 3", "shares fall loss 3", "panic abort 4", "started fine 4"])
    classifier.close()

    def best(position: int, head: str) -> str:
        shares = readings[position].probabilities[head]
        return classifier.manifest.labels[head][shares.index(max(shares))]

    assert [best(0, "sentiment"), best(1, "sentiment")] == ["positive", "negative"]
    assert [best(2, "severity"), best(3, "severity")] == ["critical", "info"]


def test_the_manifest_holds_figures_data_and_hashes(bundle: Path) -> None:
    found = manifests.read(bundle)
    assert found.name == f"tiny-int8-{found.files['model.onnx'].sha256[:8]}"
    assert found.metrics["tiny-sentiment"]["accuracy"] > 0.9
    assert found.metrics["agreement_with_fp32"]["category"] > 0.8
    assert found.metrics["agreement_texts"] == dict.fromkeys(tiny.HEADS, 40)
    assert 0 < found.metrics["largest_difference"]["severity"] < 0.2
    assert all(200 < one.train_rows < 240 for one in found.data)
    assert found.metrics["tiny-sentiment"]["ece"] < 0.2
    assert sorted(path.name for path in bundle.iterdir()) == ["manifest.json", "model.onnx", "tokenizer.json"]


def test_exporting_again_gives_the_same_graph(run: Path, bundle: Path, tmp_path: Path) -> None:
    plan = Plan(target=tmp_path / "again", data=Path(), sets=tiny.sets(), least_agreement=0.8)
    again = export(run, plan, report=quiet)
    assert again.files == manifests.read(bundle).files


def test_a_bundle_that_is_there_is_not_replaced_unasked(run: Path, bundle: Path) -> None:
    with pytest.raises(ExportError, match="exists: pass --replace"):
        export(run, Plan(target=bundle), report=quiet)


def test_a_label_that_its_head_lacks_is_said_before_anything_is_learnt() -> None:
    split = Split((Example("shares jump", "happy"),), ())
    with pytest.raises(DatasetError, match="here has the label 'happy', which sentiment lacks"):
        gather([Dataset("mine", "sentiment", "none", "here", (), lambda _data: split)], Path())


def test_a_name_that_no_bundle_may_have_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be called 'my base': take letters"):
        export(tmp_path / "no run", Plan(target=tmp_path / "bundle", name="my base"), report=quiet)


def test_a_bundle_that_disagrees_is_not_published(run: Path, bundle: Path) -> None:
    before = (bundle / "manifest.json").read_bytes()
    low = r"less than 101\.00% of the labels are the network's: sentiment \(.*% of 40 texts\), .*: nothing was written"
    plan = Plan(target=bundle, data=Path(), sets=tiny.sets(), least_agreement=1.01, replace=True)
    with pytest.raises(ExportError, match=low):
        export(run, plan, report=quiet)
    assert (bundle / "manifest.json").read_bytes() == before
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]


def test_a_disk_that_fills_leaves_nothing_behind(run: Path, tmp_path: Path) -> None:
    held = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, held[1]))  # bytes a file may have: the graph has more
    try:
        with pytest.raises(ExportError, match=r"bundle cannot be written \(File too large\): make room there"):
            export(run, Plan(target=tmp_path / "bundle"), report=quiet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, held)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_is_not_the_networks_is_found_out(run: Path, bundle: Path) -> None:
    _run, network, _tokenizer = run_folder.load(run)
    with torch.no_grad():
        network.heads["severity"].bias[0] += 1
    classifier = Classifier.load(bundle, threads=1, cache=0)
    with pytest.raises(ExportError, match=r"head severity of the graph is .* off the network"):
        parity.require_network(classifier, network)
    classifier.close()


@pytest.mark.parametrize(
    ("least", "texts", "may_differ"), [(0.99, 24, 1), (0.99, 273, 7), (0.999, 24, 0), (0.999, 273, 1)]
)
def test_of_few_texts_no_more_differ_than_may_be_chance(least: float, texts: int, may_differ: int) -> None:
    def seen(differ: int) -> list[parity.Parity]:
        return [parity.Parity("mood", texts, round(1 - differ / texts, 4), 0.1)]

    parity.require(seen(may_differ), least=least, few=True)
    with pytest.raises(ExportError, match="mood"):
        parity.require(seen(may_differ + 1), least=least, few=True)
    if may_differ:
        with pytest.raises(ExportError, match="mood"):
            parity.require(seen(may_differ), least=least)


class Sociable:
    """A reader whose answers hang on their company: on how many texts there are, on the longest, or on their order."""

    def __init__(self, share: Callable[[Sequence[str], int], float]) -> None:
        self.share = share

    def classify(self, texts: Sequence[str]) -> list[Reading]:
        shares = [self.share(texts, at) for at in range(len(texts))]
        return [Reading({"mood": (share, 1 - share)}, 5) for share in shares]


@pytest.mark.parametrize(
    "share",
    [
        lambda texts, _at: 1 / len(texts),
        lambda texts, _at: 1 / max(map(len, texts)),
        lambda _texts, at: 1 / (at + 1),
        lambda texts, at: 0.5 if at else 0.5 + 1e-6 * (len(texts) == 7),  # the last bit, in one company of six
    ],
    ids=["number", "longest", "place", "seldom"],
)
def test_a_reader_whose_answers_hang_on_their_company_is_refused(share: Callable[[Sequence[str], int], float]) -> None:
    texts = ["shares jump", "panic: corrupted index page", "where is my refund"]
    parity.require_invariance(Sociable(lambda texts, at: 1 / len(texts[at])), texts)
    with pytest.raises(ExportError, match=r"the answer for '.*' depends on its company: the graph mixes the texts of"):
        parity.require_invariance(Sociable(share), texts)


class Spying:
    """A graph's session, but that one of its answers hangs on the padding of its row."""

    def __init__(self, session: Any, manifest: Manifest) -> None:
        self.session, self.manifest, self.runs = session, manifest, 0

    def __call__(self, _session: Any, manifest: Manifest, *, tokens: int) -> "Spying":
        self.bound = Bound(self.session, manifest, tokens=tokens)
        return self

    def run(self, rows: Sequence[Sequence[int]], length: int) -> list[Any]:
        self.runs += 1
        logits = self.bound.run(rows, length)
        if length > packing.padded(max(map(len, rows))):
            logits[0][:, 0] += 1e-3
        return logits


def test_a_graph_that_reads_its_padding_is_refused(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(run, Plan(target=tmp_path / "bundle", least_agreement=0.5), report=quiet)
    with closing(Classifier.load(tmp_path / "bundle", threads=1, cache=0)) as classifier:
        session = InferenceSession(tmp_path / "bundle" / "model.onnx", providers=["CPUExecutionProvider"])
        parity.require_padding(session, classifier, PROBES)
        spying = Spying(session, classifier.manifest)
        monkeypatch.setattr(parity, "Bound", spying)
        with pytest.raises(ExportError, match=r"the answer for '.*' depends on its padding"):
            parity.require_padding(session, classifier, PROBES)
        assert spying.runs < len(PROBES) + parity.PADDINGS


def test_export_asks_every_bundle_in_company(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(classifier: Classifier, texts: Sequence[str]) -> None:
        assert classifier.cache.size == 0  # what it remembers would have no company
        asked.extend(texts)
        raise ExportError("depends on its company")

    monkeypatch.setattr(parity, "require_invariance", refuse)
    with pytest.raises(ExportError, match="depends on its company"):
        export(run, Plan(target=tmp_path / "bundle", least_agreement=0.5), report=quiet)
    assert len(asked) == len(set(asked)) >= 20
    assert list(tmp_path.iterdir()) == []


def test_without_the_sets_the_projects_own_texts_are_asked(run: Path, tmp_path: Path) -> None:
    made = export(run, Plan(target=tmp_path / "bundle", least_agreement=0.5), report=quiet)
    texts = made.metrics["agreement_texts"]
    assert texts["sentiment"] > 200 > texts["category"] == len(PROBES)


def session(run: Path, precision: str) -> InferenceSession:
    found, network, _tokenizer = run_folder.load(run)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    shape = msgspec.json.decode((run / "encoder.json").read_bytes(), type=bert.Shape)
    texts = [list(range(4, 4 + length)) for length in range(3, 20)]
    linear = Exact() if precision == "fp32" else RowInt8(observed(weights, shape, found.heads, texts))
    model: onnx.ModelProto = bert.build(weights, shape, found.heads, linear)
    return InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_no_name_in_a_graph_is_free_for_a_head(run: Path, precision: str) -> None:
    found, network, _tokenizer = run_folder.load(run)
    model = graph(run, found, network, precision=precision, texts=["shares jump profit", "panic abort"])
    made = {output for node in model.graph.node for output in node.output}
    for name in (made | {one.name for one in model.graph.initializer}) - set(found.heads):
        with pytest.raises(HeadError):
            heads.require_name(name)


@pytest.mark.parametrize("name", ["type", "values", "training"])
def test_a_name_that_torch_has_is_refused_before_a_set_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "declared", lambda: {name: heads.Head({"a": "", "b": ""})})
    with pytest.raises(HeadError, match=f"a head cannot be called '{name}', which is torch's own: take another"):
        command.run(command.Where(tmp_path / "run"), tmp_path, command.Choices(), rows=0, report=quiet)


def with_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head is declared beside those of the made-up sets."""
    known = {head: one for head, one in heads.declared().items() if head in tiny.HEADS}
    monkeypatch.setattr(heads, "declared", lambda: known | {"desk": heads.Head({"refund": "", "delivery": ""})})


def test_a_head_without_rows_is_refused_before_a_set_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_desk(monkeypatch)
    with pytest.raises(HeadError, match=r"head desk has no rows to learn from: .*desk\.toml .*--add FILE:desk$"):
        command.run(command.Where(tmp_path / "run"), tmp_path, command.Choices(), rows=0, report=quiet)


def test_so_is_one_whose_sets_are_measured_on_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_desk(monkeypatch)
    split = Split((), (Example("where is my parcel", "delivery"),))
    held = Dataset("held", "desk", "none", "here", (), lambda _data: split)
    monkeypatch.setattr(command, "CATALOGUE", (*tiny.sets(), held))
    with pytest.raises(HeadError, match="head desk has no rows"):
        command.run(command.Where(tmp_path / "run"), tmp_path, command.Choices(), rows=0, report=quiet)


def test_rows_that_are_added_are_learnt_or_looked_at_and_none_is_lost(tmp_path: Path) -> None:
    rows = tiny.rows("sentiment", 200)
    path = tmp_path / "mine.csv"
    path.write_text("text,label\n" + "".join(f"{row.text},{row.label}\n" for row in rows))
    added, _found = own.to_learn(f"{path}:sentiment", Fields(), heads.labels())
    found = gather([added], tmp_path)
    ((head, looked_at),) = found.validation
    ((_head, learnt),) = found.tasks
    assert head == "sentiment"
    assert 0 < len(looked_at) < 30
    assert len(looked_at) + len(learnt) == len(rows)


def test_export_calibrates_by_the_added_rows_that_were_not_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSEWIRE_SEED_DATA", str(tmp_path))
    path, plans = tmp_path / "mine.csv", []
    path.write_text("text,label\n" + "".join(f"{row.text},{row.label}\n" for row in tiny.rows("sentiment", 200)))

    def stop(_run: Path, plan: Plan, **_more: object) -> None:
        plans.append(plan)
        raise ExportError("far enough")

    monkeypatch.setattr(exporting, "export", stop)
    assert "far enough" in one_line(pulsewire("export", str(tmp_path), "--add", f"{path}:sentiment"))
    added = [one for one in plans[0].sets if one.own]
    assert [one.source for one in added] == ["mine.csv"]
    ((head, kept),) = gather(added, tmp_path).validation
    by = calibrate.validation(added, tmp_path)
    assert [prepare(row.text) for row in by[head]] == [row.text for row in kept] != []


def some_batch() -> dict[str, np.ndarray]:
    """Five texts of several lengths, padded to 16."""
    ids = np.random.default_rng(0).integers(4, 60, (5, 16))
    mask = np.ones_like(ids)
    for row, length in enumerate((16, 3, 9, 16, 5)):
        ids[row, length:], mask[row, length:] = 1, 0
    return {"input_ids": ids, "attention_mask": mask}


def test_the_exact_graph_is_the_network(run: Path) -> None:
    batch = some_batch()
    _run, network, _tokenizer = run_folder.load(run)
    with torch.no_grad():
        expected = network(*(torch.from_numpy(batch[name]) for name in ("input_ids", "attention_mask")))
    for found, logits in zip(session(run, "fp32").run(None, batch), expected, strict=True):
        np.testing.assert_allclose(found, logits.numpy(), atol=1e-4)


@pytest.fixture(scope="module")
def half(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("bundles") / "half"
    export(run, Plan(target=target, precision="fp16", data=Path(), sets=tiny.sets()), report=quiet)
    return target


def test_fp16_keeps_the_labels_in_half_the_bytes(half: Path, run: Path) -> None:
    found = manifests.read(half)
    assert found.metrics["agreement_with_fp32"] == dict.fromkeys(tiny.HEADS, 1.0)
    assert found.files["model.onnx"].size < 0.6 * (run / "model.safetensors").stat().st_size
    classifier = Classifier.load(half, threads=1, cpu=True)
    assert classifier.device == "CPU"
    assert max(classifier.classify(["shares jump profit 3"])[0].probabilities["sentiment"]) > 0.5
    classifier.close()


@pytest.mark.skipif(on_cuda(), reason="there is a CUDA device here")
def test_without_cuda_a_bundle_in_fp16_is_refused_in_one_line(half: Path) -> None:
    with pytest.raises(NoCuda, match=r"is in fp16, for CUDA, and no CUDA device answers here: use one in int8$"):
        Classifier.load(half, threads=1)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_row_of_a_batch_has_the_same_bits_alone(run: Path, precision: str) -> None:
    batch, opened = some_batch(), session(run, precision)
    together = opened.run(None, batch)
    for row in range(5):
        alone = opened.run(None, {name: array[row : row + 1] for name, array in batch.items()})
        for one, all_ in zip(alone, together, strict=True):
            assert one.tobytes() == all_[row : row + 1].tobytes()


def test_int8_is_near_fp32(run: Path) -> None:
    batch = some_batch()
    for exact, small in zip(session(run, "fp32").run(None, batch), session(run, "int8").run(None, batch), strict=True):
        assert np.abs(exact - small).max() < 0.1 * np.abs(exact).max() + 0.1


def test_a_run_that_goes_on_from_another_takes_over_what_it_knows(run: Path, tmp_path: Path) -> None:
    earlier = start.earlier_run(run)
    assert earlier.seen == ()  # a run of this version leaves the validation rows alone
    more = tiny.HEADS | {"queue": ("a", "b")}
    recipe = msgspec.structs.replace(RECIPE, epochs=1, encoder_rate=0.0, heads_rate=0.0, freeze_words=True)
    found = train(gather(tiny.sets(60), Path()), earlier, recipe, tmp_path / "on", heads=more)
    _run, before, _tokenizer = run_folder.load(run)
    _run, after, _tokenizer = run_folder.load(tmp_path / "on")
    assert list(found.heads) == [*tiny.HEADS, "queue"]
    for head in tiny.HEADS:
        assert torch.equal(before.heads[head].weight, after.heads[head].weight)
    assert torch.equal(
        before.encoder.embeddings.word_embeddings.weight, after.encoder.embeddings.word_embeddings.weight
    )


def test_a_run_before_there_were_validation_rows_has_seen_them(run: Path, tmp_path: Path) -> None:
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    told = msgspec.json.decode((tmp_path / "run.json").read_bytes())
    (tmp_path / "run.json").write_bytes(msgspec.json.encode(told | {"validation": False}))
    assert start.earlier_run(tmp_path).seen == tuple(tiny.HEADS)


def test_the_mean_of_the_weights_is_what_is_kept() -> None:
    start_ = tiny.start()
    network = Network(start_.encoder, {"mood": ("bad", "good")})
    weight = network.heads["mood"].weight
    mean = Mean(network, 0.99)
    seen = []
    for step in range(1, 2001):
        with torch.no_grad():
            weight.fill_(float(step))
        mean.follow(step)
        seen.append(float(step))
    mean.take()
    # An average over a ramp lags behind its end by the steps that it remembers: 1 / (1 - keep), counted in tens.
    lag = 10 * 0.99**10 / (1 - 0.99**10)
    assert weight[0, 0].item() == pytest.approx(seen[-1] - lag, rel=1e-3)


def test_without_a_mean_the_last_weights_stay() -> None:
    network = Network(tiny.start().encoder, {"mood": ("bad", "good")})
    mean = Mean(network, 0.0)
    with torch.no_grad():
        network.heads["mood"].weight.fill_(3.0)
    mean.follow(10)
    mean.take()
    assert (network.heads["mood"].weight == 3.0).all()


def test_rows_that_are_seen_once_are_spread_over_the_epochs() -> None:
    tasks = [
        ("mood", [Row((number,), 0) for number in range(10)]),
        ("level", [Row((number,), 1) for number in range(7)]),
    ]
    seen: list[int] = []
    for epoch in range(3):
        mood, level = training.share(tasks, {1}, epoch, of=3)
        assert mood == tasks[0]
        seen += [row.ids[0] for row in level[1]]
    assert sorted(seen) == list(range(7))
