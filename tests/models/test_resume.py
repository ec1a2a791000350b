"""A run that is killed goes on to the same bits; a folder that is another run's is refused."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

from models import heads
from models.errors import RunError
from models.training import checkpoint, command, distil, run_folder, student
from models.training.average import average
from models.training.curves import EVENTS, Curves
from models.training.recipe import Recipe, Step
from models.training.train import Material, gather, train
from tests.models import tiny

pytestmark = pytest.mark.train
RECIPE = Recipe(
    batch=16,
    max_length=24,
    encoder_rate=3e-3,
    heads_rate=1e-2,
    epochs=2,
    checkpoint_s=0,  # every ten steps
    freeze_words=True,
    average=0.99,
    dropout=0.1,
    measure_every=15,
)
KILLED_AT = 27  # steps: behind a checkpoint and a look at the validation rows, and on neither


@cache
def material(rows: int) -> Material:
    return gather(tiny.sets(rows), Path())


def trained(folder: Path, recipe: Recipe = RECIPE, *, rows: int = 240, **how) -> run_folder.Run:
    return train(material(rows), tiny.start(), recipe, folder, heads=tiny.HEADS, **how)


def killed(folder: Path) -> int:
    """Train in a process of its own, which is gone from one moment to the next; its exit code."""
    script = f"from pathlib import Path; from tests.models.test_resume import until; until(Path({str(folder)!r}))"
    return subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False).returncode


def until(folder: Path) -> None:
    def after(step: Step) -> None:
        if step.step == KILLED_AT:
            os.kill(os.getpid(), 9)

    trained(folder, after=after)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    trained(folder)
    return folder


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a SIGKILL left; read it, or copy it."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    assert killed(folder) == -9
    return folder


def copied(folder: Path, to: Path) -> Path:
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def lines(folder: Path) -> list[dict]:
    """The log, less what hangs on the clock."""
    found = [msgspec.json.decode(line) for line in (folder / "log.jsonl").read_bytes().splitlines()]
    return [{name: value for name, value in line.items() if name != "rows_per_s"} for line in found]


def test_a_run_goes_on_after_a_kill_to_the_same_bits(unbroken: Path, broken: Path, tmp_path: Path) -> None:
    folder = copied(broken, tmp_path / "tiny")
    assert (folder / checkpoint.FILE).is_file()
    assert (folder / "model.safetensors").read_bytes() != (unbroken / "model.safetensors").read_bytes()
    steps: list[Step] = []
    found = trained(folder, resume=True, after=steps.append)
    assert steps[0].step == 21  # behind the last checkpoint
    assert (folder / "model.safetensors").read_bytes() == (unbroken / "model.safetensors").read_bytes()
    assert lines(folder) == lines(unbroken)
    whole, _network, _tokenizer = run_folder.load(unbroken)
    assert found.measured == whole.measured
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in unbroken.iterdir())


def test_the_curves_have_one_event_for_each_line_of_the_log(broken: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    folder = copied(broken, tmp_path / "tiny")
    trained(folder, resume=True)
    events = [Event.FromString(raw) for raw in RawEventFileLoader(str(folder / EVENTS)).Load()]
    assert [event.step for event in events[1:]] == [line["step"] for line in lines(folder)]
    assert {value.tag for event in events for value in event.summary.value} >= {"loss/sentiment", "validation/mean"}


def test_an_unfinished_run_is_not_written_over_unasked(broken: Path, tmp_path: Path) -> None:
    folder = copied(broken, tmp_path / "tiny")
    before = (folder / checkpoint.FILE).read_bytes()
    with pytest.raises(RunError, match="go on with it by --resume, or give it up by --replace"):
        trained(folder)
    assert (folder / checkpoint.FILE).read_bytes() == before
    fresh = trained(folder, msgspec.structs.replace(RECIPE, epochs=1), rows=40, replace=True)
    assert fresh.steps == fresh.steps_planned
    assert lines(folder)[0]["step"] == min(10, fresh.steps)


def test_a_run_that_has_ended_is_not_written_over_unasked(unbroken: Path, tmp_path: Path) -> None:
    folder = copied(unbroken, tmp_path / "tiny")
    for write_over in (lambda: trained(folder, rows=40), lambda: average([unbroken, unbroken], folder)):
        with pytest.raises(RunError, match="holds a run: name another folder with --out, or give that one up by"):
            write_over()
    assert (folder / "run.json").read_bytes() == (unbroken / "run.json").read_bytes()
    average([unbroken, unbroken], folder, replace=True)
    assert run_folder.load(folder)[0].averaged


def test_a_run_of_another_recipe_is_refused(broken: Path) -> None:
    with pytest.raises(RunError, match=r"is a run of other seed \(0, now 4\), epochs \(2, now 3\): resume it as"):
        trained(broken, msgspec.structs.replace(RECIPE, epochs=3, seed=4, checkpoint_s=1.0), resume=True)


def test_a_run_of_other_data_is_refused(broken: Path) -> None:
    with pytest.raises(RunError, match="is a run of other data: resume it as"):
        trained(broken, rows=239, resume=True)


def test_a_run_of_a_head_that_is_learnt_otherwise_is_refused(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = heads.declared()
    smoothed = msgspec.structs.replace(known["sentiment"], loss=heads.Loss(0.3))
    monkeypatch.setattr(heads, "declared", lambda: known | {"sentiment": smoothed})
    with pytest.raises(RunError, match="is a run of other smoothing, metric or labels of sentiment: resume it as"):
        trained(broken, resume=True)


@pytest.mark.parametrize(("field", "said"), [("code", "code"), ("start", "starting weights")])
def test_a_run_of_other_code_or_weights_is_refused(broken: Path, field: str, said: str) -> None:
    tensors, told = opened(broken)
    now = told.identity
    then = msgspec.structs.replace(now, **{field: "0" * 64})
    with pytest.raises(RunError, match=f"is a run of other {said}: resume it as"):
        checkpoint.require_same(broken, then, now)
    checkpoint.require_same(broken, now, now)
    assert "random" in tensors


def opened(folder: Path) -> tuple[set[str], checkpoint.Told]:
    from safetensors import safe_open

    with safe_open(folder / checkpoint.FILE, "pt") as file:
        return set(file.keys()), msgspec.json.decode(file.metadata()["told"], type=checkpoint.Told)


def test_a_checkpoint_that_was_cut_off_is_refused(broken: Path, tmp_path: Path) -> None:
    folder = copied(broken, tmp_path / "tiny")
    path = folder / checkpoint.FILE
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RunError, match="is no whole checkpoint"):
        trained(folder, resume=True)


def test_a_folder_without_a_checkpoint_has_nothing_to_go_on_with(unbroken: Path) -> None:
    with pytest.raises(RunError, match="holds no run to go on with"):
        trained(unbroken, resume=True)


def test_a_full_disk_leaves_the_checkpoint_before_it(broken: Path, tmp_path: Path) -> None:
    folder = copied(broken, tmp_path / "tiny")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    said = r"cannot be written \(File too large.*make room, then go on with --resume"
    with full_disk(len(before["model.safetensors"]) // 2), pytest.raises(RunError, match=said):
        trained(folder, resume=True)
    for name in (checkpoint.FILE, "model.safetensors", "run.json"):
        assert (folder / name).read_bytes() == before[name]
    assert not list(folder.glob("*.part"))


def test_a_full_disk_at_the_start_is_one_line(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(RunError, match=r"tfevents.* cannot be written \(File too large\): make room"):
        Curves(tmp_path, from_step=0)


@contextmanager
def full_disk(size: int = 0) -> Iterator[None]:
    """No file may grow beyond this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_two_processes_do_not_write_into_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    with run_folder.alone(folder):
        for how in ({}, {"replace": True}):
            with pytest.raises(RunError, match=r"another process writes a run into .*: wait for its end, or "):
                trained(folder, rows=40, **how)
        assert list(folder.iterdir()) == []
    with run_folder.alone(folder):  # it is free again, and nothing is left of it
        assert list(folder.iterdir()) == []


def test_a_run_is_not_written_over_what_it_is_made_of(unbroken: Path, tmp_path: Path) -> None:
    before = (unbroken / "run.json").read_bytes()
    other = unbroken / ".." / unbroken.name
    choices = command.Choices(steps=1)
    with pytest.raises(RunError, match="written over the one that it goes on from"):
        command.run(command.Where(unbroken, further=other), tmp_path, choices, rows=0, report=lambda *_: None)
    with pytest.raises(RunError, match="written over its teacher"):
        student.run(other, unbroken, tmp_path, distil.Recipe(), layers=1, report=lambda *_: None)
    assert (unbroken / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("encoder.json", b'{"hidden'),
        ("encoder.json", b"[]"),
        ("encoder.json", b'{"hidden_size": 64, "num_attention_heads": 4}'),
        ("tokenizer.json", b"{"),
        ("tokenizer.json", b"\xff"),
        ("model.safetensors", b""),
        ("run.json", b'{"name": "tiny"}'),
    ],
)
def test_a_run_that_is_not_whole_is_one_line(unbroken: Path, tmp_path: Path, name: str, content: bytes) -> None:
    folder = copied(unbroken, tmp_path / "tiny")
    (folder / name).write_bytes(content)
    with pytest.raises(RunError, match="holds no whole training run") as caught:
        run_folder.load(folder)
    assert "\n" not in str(caught.value)
