"""One encoder, mean pooling, and one linear layer per head."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from models.errors import HeadError


class Network(nn.Module):  # type: ignore[misc]  # torch is not type-checked here
    """Token ids in, logits of every head out. Further heads cost nothing: the encoder runs once for all."""

    def __init__(self, encoder: Any, heads: dict[str, tuple[str, ...]]) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        self.heads = nn.ModuleDict({name: nn.Linear(width, len(labels)) for name, labels in heads.items()})

    def pooled(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The mean over a text's own tokens: float[batch, width]."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        total: Tensor = (states * mask).sum(1)
        return total / mask.sum(1)

    def head(self, name: str, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The logits of one head: float[batch, labels]."""
        logits: Tensor = self.heads[name](self.pooled(input_ids, attention_mask))
        return logits

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """The logits of every head, in the heads' order."""
        pooled = self.pooled(input_ids, attention_mask)
        return tuple(head(pooled) for head in self.heads.values())


def require_names(heads: Iterable[str]) -> None:
    """`HeadError` for a head that torch could not tell from a method of its own, such as `type` or `values`."""
    if taken := [name for name in heads if hasattr(nn.ModuleDict, name) or name == "training"]:
        msg = f"a head cannot be called {taken[0]!r}, which is torch's own: take another name, such as desk"
        raise HeadError(msg)


def seed(number: int) -> None:
    """Make what torch draws (the heads' first weights, dropout) repeatable."""
    torch.manual_seed(number)
