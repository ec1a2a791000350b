"""The mean of a network's weights over its last steps: it answers better than the last weights alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from models.training.network import Network


class Mean:
    """The exponential moving average of a network's weights, each step counting `keep` times as much as the next."""

    EVERY = 10  # steps; the weights hardly move in so few, and to add them up takes time

    def __init__(self, network: Network, keep: float) -> None:
        self._keep = keep**self.EVERY
        moving = [(name, one) for name, one in network.named_parameters() if one.requires_grad] if keep else []
        self._pairs = [(one, one.detach().clone()) for _name, one in moving]
        self.tensors: dict[str, Tensor] = {
            name: mean for (name, _one), (_now, mean) in zip(moving, self._pairs, strict=True)
        }

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

    @contextmanager
    def taken(self) -> Iterator[None]:
        """The network has its mean weights within the block, and its own again behind it."""
        own = [now.detach().clone() for now, _mean in self._pairs]
        self.take()
        try:
            yield
        finally:
            for (now, _mean), before in zip(self._pairs, own, strict=True):
                now.data.copy_(before)
