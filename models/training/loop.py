"""The training loop: one pass over the batches, with checkpoints, that ends by the last step or by the clock."""

import random
import time
from collections.abc import Callable, Sequence

import msgspec
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.training.batches import Batch, Row
from models.training.network import Network
from models.training.progress import rate, share

CLIP = 1.0
SHORT = 14  # ids; shorter rows lose none


class Recipe(msgspec.Struct, frozen=True):
    """The numbers of a run. Heads need a high rate: at 1e-3 they had not moved after 100 steps."""

    batch: int = 32
    max_length: int = 96  # tokens, the two special ones included
    encoder_rate: float = 1e-4
    heads_rate: float = 3e-3
    seed: int = 0
    epochs: int = 1
    threads: int = 1  # two thrash on a busy machine
    limit_s: float = 0.0  # 0: no limit
    checkpoint_s: float = 300.0
    freeze_words: bool = False  # leave the table of pieces as it is: a third of the numbers, a tenth of the time
    word_drop: float = 0.0  # the share of pieces that a text loses, in half of the rows
    average: float = 0.0  # how much of the mean of the weights a step leaves as it is; 0: the last weights are taken


class Step(msgspec.Struct, frozen=True):
    """What is known after a step."""

    step: int
    steps: int
    head: str
    loss: float
    rows: int
    seconds: float
    done: float  # 0 to 1


def run(
    network: Network,
    work: Sequence[Batch],
    recipe: Recipe,
    *,
    pad: int,
    after: Callable[[Step], None],
    smoothing: dict[str, float] | None = None,
) -> Step:
    """Train in place and call `after` with every step; the answer is the last one. `smoothing` is each head's own."""
    chance = random.Random(recipe.seed)  # noqa: S311 - what is dropped, not a secret
    optimizer = _optimizer(network, recipe)
    base_rates = [group["lr"] for group in optimizer.param_groups]
    mean = Mean(network, recipe.average)
    started, rows = time.monotonic(), 0
    last = Step(0, len(work), "", 0.0, 0, 0.0, 0.0)
    network.train()
    for number, batch in enumerate(work):
        # The rate of the middle of this step: neither the first nor the last is taken for nothing.
        done = share(number, len(work), time.monotonic() - started, recipe.limit_s or None)
        if done >= 1:
            break
        for group, base in zip(optimizer.param_groups, base_rates, strict=True):
            group["lr"] = base * rate(done + 0.5 / len(work))
        seen = dropped(batch, recipe.word_drop, chance) if recipe.word_drop else batch
        loss = _step(network, seen, optimizer, pad=pad, smoothing=(smoothing or {}).get(batch.head, 0.0))
        mean.follow(number + 1)
        rows += len(batch.rows)
        elapsed = time.monotonic() - started
        last = Step(number + 1, len(work), batch.head, loss, rows, elapsed, done)
        after(last)
    mean.take()
    network.eval()
    return last


class Mean:
    """The exponential moving average of a network's weights, each step counting `keep` times as much as the next."""

    EVERY = 10  # steps; the weights hardly move in so few, and to add them up takes time

    def __init__(self, network: Network, keep: float) -> None:
        self._network, self._keep = network, keep**self.EVERY
        moving = [one for one in network.parameters() if one.requires_grad] if keep else []
        self._pairs = [(one, one.detach().clone()) for one in moving]

    def follow(self, step: int) -> None:
        """Take in the weights after this step; the first ones weigh less, so that the start is soon forgotten."""
        if step % self.EVERY:
            return
        taken = step // self.EVERY
        keep = min(self._keep, taken / (taken + 10))
        for now, mean in self._pairs:
            mean.lerp_(now.detach(), 1 - keep)

    def take(self) -> None:
        """Give the network its mean weights."""
        for now, mean in self._pairs:
            now.data.copy_(mean)


def _optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.freeze_words:
        network.encoder.embeddings.requires_grad_(False)
    groups = [
        {"params": [one for one in network.encoder.parameters() if one.requires_grad], "lr": recipe.encoder_rate},
        {"params": list(network.heads.parameters()), "lr": recipe.heads_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)  # a fifth off each step


def _step(network: Network, batch: Batch, optimizer: torch.optim.Optimizer, *, pad: int, smoothing: float) -> float:
    ids, mask, labels = tensors(batch, pad=pad)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network.head(batch.head, ids, mask)
    loss = cross_entropy(logits.float(), labels, label_smoothing=smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimizer.step()
    return float(loss.item())


def dropped(batch: Batch, share_: float, chance: random.Random) -> Batch:
    """The batch with some pieces gone from every other row on the average; short rows and both ends stay whole."""
    rows = []
    for row in batch.rows:
        if len(row.ids) < SHORT or chance.random() < 0.5:
            rows.append(row)
            continue
        inner = [one for one in row.ids[1:-1] if chance.random() >= share_]
        rows.append(Row((row.ids[0], *inner, row.ids[-1]), row.label))
    return Batch(batch.head, tuple(rows))


def tensors(batch: Batch, *, pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Ids and mask, int64[batch, longest], and labels, int64[batch]."""
    longest = max(len(row.ids) for row in batch.rows)
    ids = torch.full((len(batch.rows), longest), pad)
    mask = torch.zeros((len(batch.rows), longest), dtype=torch.int64)
    for number, row in enumerate(batch.rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        mask[number, : len(row.ids)] = 1
    return ids, mask, torch.tensor([row.label for row in batch.rows])
