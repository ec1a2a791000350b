"""What a step lowers: the cross-entropy of a batch's head."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.training.batches import Batch, padded
from models.training.network import Network


def backward(network: Network, batch: Batch, *, pad: int, smoothing: float, share: float = 1.0) -> float:
    """Add this share of the batch's gradients to what is there; the answer is its loss."""
    ids, mask, labels = tensors(batch, pad=pad)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network.head(batch.head, ids, mask).float()
    loss: Tensor = cross_entropy(logits, labels, label_smoothing=smoothing)
    (loss * share).backward()
    return float(loss.item())


def tensors(batch: Batch, *, pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Ids and mask, int64[batch, longest], and labels, int64[batch]."""
    ids, mask = padded([row.ids for row in batch.rows], pad=pad)
    return ids, mask, torch.tensor([row.label for row in batch.rows])
