"""What a run writes as it goes: curves, checkpoints, the best weights so far, and at the end the weights to keep."""

import time
from collections.abc import Collection
from pathlib import Path

import msgspec
from safetensors.torch import load_file

from models.training import checkpoint, methods, run_folder
from models.training.checkpoint import Identity
from models.training.curves import Curves
from models.training.loop import Loop
from models.training.recipe import Step
from models.training.run_folder import Run
from models.training.validation import Measured, Validation, best, tired

LOG_EVERY = 10
BEST = "best.safetensors"


class Keeper:
    """Follows a loop. Checkpoints fall on steps that are logged: nothing is half counted in them."""

    def __init__(
        self,
        folder: Path,
        run: Run,
        loop: Loop,
        validation: Validation,
        *,
        who: Identity,
        epoch_ends: Collection[int],
        tokenizer_json: str,
    ) -> None:
        self._folder, self._run, self._loop, self._validation = folder, run, loop, validation
        self._who, self._ends, self._tokenizer_json = who, frozenset(epoch_ends), tokenizer_json
        self._measured: list[Measured] = []
        self._losses: dict[str, list[float]] = {}

    def begin(self, *, resume: bool, replace: bool) -> None:
        """Make the folder ready, or take up the run that it holds; `RunError` when either cannot be."""
        checkpoint.require(self._folder, resume=resume, replace=replace)
        if resume:
            self._measured = list(checkpoint.resume(self._folder, self._loop, self._who))
        if not resume:
            for name in (checkpoint.FILE, BEST):
                (self._folder / name).unlink(missing_ok=True)
        self._curves = Curves(self._folder, from_step=self._loop.step)
        self._saved_at = time.monotonic()

    def after(self, step: Step) -> bool:
        """Log, measure and save what is due; whether to go on."""
        for head, loss in step.losses:
            self._losses.setdefault(head, []).append(loss)
        if step.step % LOG_EVERY == 0:
            self._log(step)
        if self._due(step):
            self._measure()
        going_on = not tired(self._measured, self._loop.recipe.patience)
        late = time.monotonic() - self._saved_at >= self._loop.recipe.checkpoint_s
        if going_on and late and step.step % LOG_EVERY == 0:
            self._save()
            self._saved_at = time.monotonic()
        return going_on

    def end(self) -> Run:
        """Keep the last weights, or under patience the best ones; what was there to go on with is gone."""
        self._loop.end()
        if self._validation and (not self._measured or self._measured[-1].step < self._loop.step):
            self._measure()
        network, kept = methods.plain(self._loop.network), self._loop.step
        if self._loop.recipe.patience and self._measured and best(self._measured).step < kept:
            kept = best(self._measured).step
            network.load_state_dict(load_file(self._folder / BEST))
        run = msgspec.structs.replace(self._described(), kept_step=kept)
        run_folder.save(self._folder, run, network, self._tokenizer_json)
        for name in (checkpoint.FILE, BEST):
            (self._folder / name).unlink(missing_ok=True)
        return run

    def _due(self, step: Step) -> bool:
        if not self._validation or step.step == step.steps:  # the end is measured at the end
            return False
        every = self._loop.recipe.measure_every
        return step.step in self._ends or bool(every and step.step % every == 0)

    def _measure(self) -> None:
        with self._loop.mean.taken():
            found = self._validation.measure(self._loop.network, step=self._loop.step)
            self._measured.append(found)
            if self._loop.recipe.patience and best(self._measured) is found:
                run_folder.write_weights(self._folder / BEST, methods.plain(self._loop.network))
        self._curves.add(step=found.step, validation=found.heads | {"mean": found.mean})

    def _save(self) -> None:
        checkpoint.write(self._folder, self._loop, self._who, self._measured)
        with self._loop.mean.taken():
            network = methods.plain(self._loop.network)
            run_folder.save(self._folder, self._described(), network, self._tokenizer_json)

    def _described(self) -> Run:
        return msgspec.structs.replace(
            self._run,
            steps=self._loop.step,
            kept_step=self._loop.step,
            seconds=round(self._loop.seconds, 1),
            measured=tuple(self._measured),
        )

    def _log(self, step: Step) -> None:
        means = {head: round(sum(all_) / len(all_), 4) for head, all_ in sorted(self._losses.items())}
        pace = round(step.rows / step.seconds, 1)
        self._curves.add(step=step.step, rows_per_s=pace, done=round(step.done, 4), loss=means)
        self._losses.clear()
