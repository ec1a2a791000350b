"""The training loop: one pass over the batches, that ends by the last step or by the clock.

1. The next step depends on the network, the batches, the recipe and on what `Loop.tensors` and `Loop.position` hold,
   and on nothing else: a loop that takes those back goes on to the same bits.
2. Only a run that is ended by the clock depends on the machine's speed.
"""

import time
from collections.abc import Iterator, Sequence

import msgspec
import torch
from torch import Tensor

from models.training import methods, objective
from models.training.batches import Batch
from models.training.mean import Mean
from models.training.network import Network
from models.training.progress import rate, share
from models.training.recipe import Recipe, Step

CLIP = 1.0
TOKENS = 6_144  # padded, that are read at once: what is kept of them for the gradients is 5 GB
RANDOM = "random"  # torch's own state, among the tensors


class Position(msgspec.Struct, frozen=True):
    """Where a loop stands, beside its tensors."""

    step: int
    rows: int
    seconds: float


class Loop:
    """A network on its way through its batches."""

    def __init__(
        self,
        network: Network,
        work: Sequence[Batch],
        recipe: Recipe,
        *,
        pad: int,
        smoothing: dict[str, float] | None = None,
    ) -> None:
        methods.prepare(network, recipe)
        self.network, self.recipe, self._pad = network, recipe, pad
        self._smoothing = (smoothing or {}) if recipe.smooth else {}
        self._work = [work[at : at + recipe.accumulate] for at in range(0, len(work), recipe.accumulate)]
        if recipe.steps:
            self._work = self._work[: recipe.steps]
        self._optimizer = _optimizer(network, recipe)
        self._rates = [group["lr"] for group in self._optimizer.param_groups]
        self.mean = Mean(network, recipe.average)
        self.step, self.rows, self.seconds = 0, 0, 0.0

    @property
    def steps(self) -> int:
        return len(self._work)

    def go(self) -> Iterator[Step]:
        """Do the steps that are left, and say of each what came of it."""
        started = time.monotonic() - self.seconds
        self.network.train()
        while self.step < self.steps:
            # The rate of the middle of this step: neither the first nor the last is taken for nothing.
            done = share(self.step, self.steps, time.monotonic() - started, self.recipe.limit_s or None)
            if done >= 1:
                return
            for group, base in zip(self._optimizer.param_groups, self._rates, strict=True):
                group["lr"] = base * rate(done + 0.5 / self.steps)
            work = self._work[self.step]
            losses = self._learnt(work)
            self.step += 1
            self.mean.follow(self.step)
            self.rows += sum(len(batch.rows) for batch in work)
            self.seconds = time.monotonic() - started
            yield Step(self.step, self.steps, losses, self.rows, self.seconds, done)

    def end(self) -> None:
        """Leave the network with the weights that are kept."""
        self.mean.take()
        self.network.eval()

    def _learnt(self, work: Sequence[Batch]) -> tuple[tuple[str, float], ...]:
        self._optimizer.zero_grad(set_to_none=True)
        losses = []
        for batch in work:
            smoothing = self._smoothing.get(batch.head, 0.0)
            loss = 0.0
            for part in parts(batch, TOKENS):
                share_ = len(part.rows) / len(batch.rows)
                loss += share_ * objective.backward(
                    self.network, part, pad=self._pad, smoothing=smoothing, share=share_ / len(work)
                )
            losses.append((batch.head, loss))
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self._optimizer.step()
        return tuple(losses)

    def tensors(self) -> dict[str, Tensor]:
        """What is learnt, its mean, what the optimizer remembers, and what torch draws next."""
        found = {RANDOM: torch.get_rng_state()}
        for name, weight in self._learning():
            found[f"now.{name}"] = weight.detach()
            found |= {f"{kind}.{name}": value for kind, value in self._optimizer.state.get(weight, {}).items()}
        return found | {f"mean.{name}": mean for name, mean in self.mean.tensors.items()}

    def position(self) -> Position:
        return Position(self.step, self.rows, self.seconds)

    def restore(self, tensors: dict[str, Tensor], position: Position) -> None:
        """Stand where another loop of the same run stood."""
        for name, weight in self._learning():
            weight.data.copy_(tensors[f"now.{name}"])
            kinds = ("step", "exp_avg", "exp_avg_sq")
            known = {kind: tensors[f"{kind}.{name}"] for kind in kinds if f"{kind}.{name}" in tensors}
            if known:
                self._optimizer.state[weight] = known
        for name, mean in self.mean.tensors.items():
            mean.copy_(tensors[f"mean.{name}"])
        torch.set_rng_state(tensors[RANDOM])
        self.step, self.rows, self.seconds = position.step, position.rows, position.seconds

    def _learning(self) -> list[tuple[str, Tensor]]:
        return [(name, one) for name, one in self.network.named_parameters() if one.requires_grad]


def _optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    encoder = [one for one in network.encoder.parameters() if one.requires_grad]
    groups = [{"params": list(network.heads.parameters()), "lr": recipe.heads_rate}]
    if encoder:
        decay = 0.0 if recipe.method == "adapters" else 0.01  # a factor's place is 1, not 0
        groups.insert(0, {"params": encoder, "lr": recipe.encoder_rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)  # a fifth off each step


def parts(batch: Batch, tokens: int) -> Iterator[Batch]:
    """The batch in as few parts as no more padded tokens than that allow; a row at least."""
    size = max(1, tokens // max(len(row.ids) for row in batch.rows))
    for at in range(0, len(batch.rows), size):
        yield Batch(batch.head, batch.rows[at : at + size])
