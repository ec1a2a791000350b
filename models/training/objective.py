"""What a step lowers: cross-entropy, and what a recipe adds to it.

R-Drop reads each row twice under dropout and asks both readings to agree. FGM reads each row once more with its words
pushed into the direction in which the loss rises most.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from models.training.batches import Batch
from models.training.network import Network
from models.training.recipe import Recipe


def backward(
    network: Network, batch: Batch, recipe: Recipe, *, pad: int, smoothing: float, share: float = 1.0
) -> float:
    """Add this share of the batch's gradients to what is there; the answer is its loss."""
    ids, mask, labels = tensors(batch, pad=pad)

    def loss() -> Tensor:
        return _loss(network, batch.head, (ids, mask, labels), r_drop=recipe.r_drop, smoothing=smoothing)

    if not recipe.fgm:
        found = loss()
        (found * share).backward()
        return float(found.item())
    words = Words()
    with words.watched(network):
        found = loss()
        (found * share).backward()
    with words.pushed(network, recipe.fgm):
        (loss() * share).backward()
    return float(found.item())


def _loss(
    network: Network, head: str, batch: tuple[Tensor, Tensor, Tensor], *, r_drop: float, smoothing: float
) -> Tensor:
    ids, mask, labels = (torch.cat([one, one]) for one in batch) if r_drop else batch
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network.head(head, ids, mask).float()
    loss: Tensor = cross_entropy(logits, labels, label_smoothing=smoothing)
    if not r_drop:
        return loss
    one, two = log_softmax(logits, dim=-1).chunk(2)
    apart = kl_div(one, two, reduction="batchmean", log_target=True)
    apart = apart + kl_div(two, one, reduction="batchmean", log_target=True)
    return loss + r_drop * apart / 2


class Words:
    """What the words of a batch were read as, and which way the loss rises from there."""

    def __init__(self) -> None:
        self._read: Any = None

    @contextmanager
    def watched(self, network: Network) -> Iterator[None]:
        """Keep the gradient of what the words are read as, whether their table is learnt or not."""

        def keep(_module: Any, _inputs: Any, read: Tensor) -> Tensor:
            self._read = read if read.requires_grad else read.detach().requires_grad_()
            self._read.retain_grad()
            return self._read

        with _hooked(network, keep):
            yield

    @contextmanager
    def pushed(self, network: Network, share: float) -> Iterator[None]:
        """Read the words moved uphill by this share of their text's length."""
        uphill = self._read.grad
        steep = uphill.norm(dim=(1, 2), keepdim=True).clamp_min(1e-12)
        text = (self._read.detach() * (uphill != 0)).norm(dim=(1, 2), keepdim=True)  # padding has no gradient
        move = share * text * uphill / steep
        with _hooked(network, lambda _module, _inputs, read: read + move):
            yield


@contextmanager
def _hooked(network: Network, hook: Any) -> Iterator[None]:
    handle = network.encoder.embeddings.word_embeddings.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def tensors(batch: Batch, *, pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Ids and mask, int64[batch, longest], and labels, int64[batch]."""
    longest = max(len(row.ids) for row in batch.rows)
    ids = torch.full((len(batch.rows), longest), pad)
    mask = torch.zeros((len(batch.rows), longest), dtype=torch.int64)
    for number, row in enumerate(batch.rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        mask[number, : len(row.ids)] = 1
    return ids, mask, torch.tensor([row.label for row in batch.rows])
