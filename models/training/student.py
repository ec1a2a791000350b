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

LAYERS = 4  # of a student, where nobody says how many
LOG_EVERY = 10  # steps
READING = 0.2  # of the whole time, until the teacher has read all texts
CHECKPOINT_S = 300.0


def run(
    teacher: Path,
    out: Path,
    data: Path,
    recipe: Recipe,
    *,
    layers: int | None = None,
    further: Path | None = None,
    report: Report,
    replace: bool = False,
) -> Run:
    """Teach a student of so many layers, or the one that an earlier run left in `further`; its run is left in `out`.

    Raises:
        ModelError: sets, teacher or earlier student are not whole, or the teacher lacks a head or label of the sets,
            or the student has others than the teacher, or `out` holds a run that `replace` would be needed for.
    """
    for folder, what in ((teacher, "its teacher"), (further, "the one that it goes on from")):
        if folder and out.resolve() == folder.resolve():
            msg = f"the student would be written over {what} in {out}: name another folder with --out"
            raise RunError(msg)
    run_folder.require_free(out, replace=replace)
    known, network, _tokenizer = run_folder.load(teacher)  # said before the sets are read
    _require_heads(teacher, known.heads)
    if further:
        _require_like(further, teacher)
    chosen = () if further else _layers(network, layers or LAYERS)
    texts = lessons.collect(train.gather(CATALOGUE, data), CATALOGUE, data)
    return taught(teacher, out, texts, recipe, layers=chosen, further=further, report=report)


def _require_like(further: Path, teacher: Path) -> None:
    """`RunError` where the student could not go on with this teacher's words and answers."""
    (run, student, _), (known, network, _) = run_folder.load(further), run_folder.load(teacher)
    differing = ["heads"] * (run.heads != known.heads)
    widths = [one.encoder.config.hidden_size for one in (student, network)]
    differing += ["width"] * (widths[0] != widths[1])
    if differing:
        msg = (
            f"{further} and its teacher {teacher} differ in their {' and '.join(differing)}: begin anew, without --from"
        )
        raise RunError(msg)


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


def taught(
    teacher: Path,
    out: Path,
    texts: Texts,
    recipe: Recipe,
    *,
    layers: Sequence[int] = (),
    further: Path | None = None,
    report: Report,
) -> Run:
    """The same with these texts and these of the teacher's layers, or an earlier student's."""
    with run_folder.alone(out):
        return _taught(teacher, out, texts, recipe, layers=layers, further=further, report=report)


def _taught(
    teacher: Path,
    out: Path,
    texts: Texts,
    recipe: Recipe,
    *,
    layers: Sequence[int],
    further: Path | None,
    report: Report,
) -> Run:
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
    began = f"layers {', '.join(str(one + 1) for one in layers)}"
    seen = set(start.seen_by(known))
    if further:
        earlier, of, _tokenizer = run_folder.load(further)
        student = distil.student(network, known.heads, range(of.encoder.config.num_hidden_layers), of)
        began = f"went on from {earlier.name}"
        # each pass has an order of its own: those of the earlier run were seen, and one that was ended saw half of one
        passed = earlier.recipe.get("seed", 0) + earlier.recipe.get("epochs", 0)
        recipe = msgspec.structs.replace(recipe, seed=int(passed))
        seen |= set(start.seen_by(earlier))
    else:
        student = distil.student(network, known.heads, layers)
    made = _described(known, tuple(sorted(seen)), texts, recipe, name=out.name, began=began)
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


def _described(known: Run, seen: tuple[str, ...], texts: Texts, recipe: Recipe, *, name: str, began: str) -> Run:
    return msgspec.structs.replace(
        known,
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data=texts.records,
        recipe={one: float(value) for one, value in msgspec.to_builtins(recipe).items()},
        code=version("pulsewire"),
        validation=True,
        seen=seen,
        teacher=f"{known.name}, {began}",
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
