"""What `pulsewire distil` does: a run's network taught to a smaller one, left as a run of its own."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from models import heads as declarations
from models.console import Report
from models.datasets.catalogue import CATALOGUE
from models.errors import RunError
from models.training import distil, lessons, run_folder, start, train
from models.training.distil import Recipe, Seen
from models.training.lessons import Texts
from models.training.network import Network
from models.training.run_folder import Run

LOG_EVERY = 10  # steps
READING = 0.2  # of the whole time, until the teacher has read all texts
CHECKPOINT_S = 300.0


def run(
    teacher: Path, out: Path, data: Path, recipe: Recipe, *, layers: int, report: Report, replace: bool = False
) -> Run:
    """Teach a student of so many layers and leave its run in `out`.

    Raises:
        ModelError: sets or teacher are not whole, or it lacks a head or label of theirs, or `out` holds a run that
            `replace` would be needed for.
    """
    if out.resolve() == teacher.resolve():
        msg = f"the student would be written over its teacher in {out}: name another folder with --out"
        raise RunError(msg)
    run_folder.require_free(out, replace=replace)
    known, network, _tokenizer = run_folder.load(teacher)  # said before the sets are read
    _require_heads(teacher, known.heads)
    chosen = _layers(network, layers)
    texts = lessons.collect(train.gather(CATALOGUE, data), CATALOGUE, data)
    return taught(teacher, out, texts, recipe, layers=chosen, report=report)


def _require_heads(teacher: Path, known: dict[str, tuple[str, ...]]) -> None:
    """`RunError` where the teacher lacks a head, or a label of one, that the sets have rows of."""
    for head in dict.fromkeys(one.head for one in CATALOGUE):
        wanted = declarations.declared()[head].names
        if not set(wanted) <= set(known.get(head, ())):
            what = "with other labels" if head in known else "not at all"
            msg = f"the teacher in {teacher} knows the head {head} {what}: run `pulsewire train --from {teacher}` first"
            raise RunError(msg)


def _layers(network: Network, layers: int) -> tuple[int, ...]:
    of = network.encoder.config.num_hidden_layers
    if not 0 < layers < of:
        msg = f"the teacher has {of} layers: its student has fewer of them, and one at least, not {layers}"
        raise RunError(msg)
    return distil.spread(of, layers)


def taught(teacher: Path, out: Path, texts: Texts, recipe: Recipe, *, layers: Sequence[int], report: Report) -> Run:
    """The same with these texts and these of the teacher's layers."""
    with run_folder.alone(out):
        return _taught(teacher, out, texts, recipe, layers=layers, report=report)


def _taught(teacher: Path, out: Path, texts: Texts, recipe: Recipe, *, layers: Sequence[int], report: Report) -> Run:
    known, network, tokenizer_json = run_folder.load(teacher)
    told = lessons.prepared(
        texts,
        network,
        tokenizer_json,
        heads=known.heads,
        max_length=known.max_length,
        weights=teacher / "model.safetensors",
        folder=out / "teacher",
        report=lambda done, note="": report(done * READING, note),
    )
    student = distil.student(network, known.heads, layers)
    made = _described(known, start.earlier_run(teacher).seen, texts, recipe, name=out.name, layers=layers)
    keeper = _Keeper(out, made, student, tokenizer_json)

    def after(step: Seen) -> None:
        keeper.after(step)
        pace = step.rows / step.seconds
        share = max(step.done, step.step / step.steps)
        report(READING + (1 - READING) * share, f"loss {step.loss:.3f}, {pace:.0f} rows/s")

    labels = [len(names) for names in known.heads.values()]
    declared = declarations.declared()
    smoothing = [declared[head].loss.smoothing if head in declared else 0.0 for head in known.heads]
    return keeper.save(distil.teach(student, told, recipe, labels=labels, smoothing=smoothing, after=after))


def _described(
    known: Run, seen: tuple[str, ...], texts: Texts, recipe: Recipe, *, name: str, layers: Sequence[int]
) -> Run:
    return msgspec.structs.replace(
        known,
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data=texts.records,
        recipe={one: float(value) for one, value in msgspec.to_builtins(recipe).items()},
        code=version("pulsewire"),
        validation=True,
        seen=seen,
        teacher=f"{known.name}, layers {', '.join(str(one + 1) for one in layers)}",
        method="distil",
        hashes={},
        measured=(),
    )


class _Keeper:
    """Writes the log and the checkpoints."""

    def __init__(self, folder: Path, run: Run, network: Network, tokenizer_json: str) -> None:
        self.folder, self.run, self.network, self.tokenizer_json = folder, run, network, tokenizer_json
        self.saved_at = time.monotonic()
        self.losses: list[float] = []

    def after(self, step: Seen) -> None:
        self.losses.append(step.loss)
        if step.step % LOG_EVERY == 0:
            self._log(step)
        if time.monotonic() - self.saved_at >= CHECKPOINT_S:
            self.save(step)
            self.saved_at = time.monotonic()

    def save(self, step: Seen) -> Run:
        run = msgspec.structs.replace(
            self.run,
            steps=step.step,
            steps_planned=step.steps,
            seconds=round(step.seconds, 1),
            kept_step=step.step,
        )
        run_folder.save(self.folder, run, self.network, self.tokenizer_json)
        return run

    def _log(self, step: Seen) -> None:
        loss = round(sum(self.losses) / len(self.losses), 4)
        line = {"step": step.step, "rows_per_s": round(step.rows / step.seconds, 1), "done": round(step.done, 4)}
        path = self.folder / "log.jsonl"
        with run_folder.writing(path), path.open("ab") as log:
            log.write(msgspec.json.encode(line | {"loss": loss}) + b"\n")
        self.losses.clear()
