"""A student network: some of its teacher's layers, taught to say what the teacher says.

The table of words, the width and the heads are the teacher's, so a student starts from what they know; it learns to
come, in fewer layers, to the mean that the heads read. Of each text it is told three things: the teacher's logits of
all heads, softened; the teacher's mean; and the label, where one is known.
"""

import time
from collections.abc import Callable, Sequence

import msgspec
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, kl_div
from transformers import BertConfig, BertModel

from models.training.batches import Batch, batches, padded
from models.training.lessons import Lessons
from models.training.loop import CLIP, TOKENS, parts
from models.training.mean import Mean
from models.training.network import Network, seed
from models.training.progress import rate, share

PAD = 1


class Recipe(msgspec.Struct, frozen=True):
    """The numbers of a student's training."""

    batch: int = 64
    rate: float = 8e-4
    heads_rate: float = 1e-3
    heat: float = 2.0  # the logits of both are divided by it
    mean_weight: float = 5.0  # of the cosine to the teacher's mean
    truth_weight: float = 0.5  # of the cross-entropy with the labels
    seed: int = 0
    epochs: int = 3
    threads: int = 1
    limit_s: float = 0.0
    average: float = 0.999


# An earlier student knows most of it already: a high rate would have it unlearn that first.
FURTHER = Recipe(rate=4e-4)


class Seen(msgspec.Struct, frozen=True):
    """What is known after a step."""

    step: int
    steps: int
    loss: float
    rows: int
    seconds: float
    done: float  # 0 to 1


def student(
    teacher: Network, heads: dict[str, tuple[str, ...]], layers: Sequence[int], of: Network | None = None
) -> Network:
    """A network of its own with the teacher's table of words, and these layers (from 0) and the heads of `of`.

    `of` is the teacher itself, or an earlier student of like heads and width.
    """
    described = teacher.encoder.config.to_dict() | {"num_hidden_layers": len(layers)}
    config = BertConfig.from_dict(described)
    config._attn_implementation = "eager"  # noqa: SLF001 - it is not kept in the JSON
    made = Network(BertModel(config, add_pooling_layer=False), heads)
    known = (of or teacher).state_dict()
    prefix = "encoder.encoder.layer."
    taken = {name: tensor for name, tensor in known.items() if not name.startswith("encoder.")}
    taken |= {name: tensor for name, tensor in teacher.state_dict().items() if name.startswith("encoder.embeddings.")}
    for new, old in enumerate(layers):
        own = f"{prefix}{old}."
        taken |= {f"{prefix}{new}.{n.removeprefix(own)}": tensor for n, tensor in known.items() if n.startswith(own)}
    made.load_state_dict(taken)
    return made


def spread(of: int, layers: int) -> tuple[int, ...]:
    """So many of `of` layers, evenly, the last one among them: 2, 5, 8, 11 of twelve."""
    return tuple((number + 1) * of // layers - 1 for number in range(layers))


def teach(
    network: Network,
    lessons: Lessons,
    recipe: Recipe,
    *,
    labels: Sequence[int],
    smoothing: Sequence[float],
    after: Callable[[Seen], None],
) -> Seen:
    """Teach in place; `labels` and `smoothing` are each head's. The answer is the last step."""
    torch.set_num_threads(recipe.threads)
    seed(recipe.seed)
    work = [
        batch
        for epoch in range(recipe.epochs)
        for batch in batches([("", lessons.rows)], size=recipe.batch, seed=recipe.seed + epoch)
    ]
    optimizer = _optimizer(network, recipe)
    base_rates = [group["lr"] for group in optimizer.param_groups]
    mean = Mean(network, recipe.average)
    started, rows = time.monotonic(), 0
    last = Seen(0, len(work), 0.0, 0, 0.0, 0.0)
    network.train()
    for number, batch in enumerate(work):
        done = share(number, len(work), time.monotonic() - started, recipe.limit_s or None)
        if done >= 1:
            break
        for group, base in zip(optimizer.param_groups, base_rates, strict=True):
            group["lr"] = base * rate(done + 0.5 / len(work))
        optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        for part in parts(batch, TOKENS):  # whole, 64 long texts would take 10 GB
            own = _loss(network, part, lessons, recipe, labels=labels, smoothing=smoothing)
            own = own * (len(part.rows) / len(batch.rows))
            own.backward()
            loss += float(own.item())
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        mean.follow(number + 1)
        rows += len(batch.rows)
        last = Seen(number + 1, len(work), loss, rows, time.monotonic() - started, done)
        after(last)
    mean.take()
    network.eval()
    return last


def _optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    network.encoder.embeddings.requires_grad_(False)
    groups = [
        {"params": list(network.encoder.encoder.parameters()), "lr": recipe.rate},
        {"params": list(network.heads.parameters()), "lr": recipe.heads_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)


def _loss(
    network: Network,
    batch: Batch,
    lessons: Lessons,
    recipe: Recipe,
    *,
    labels: Sequence[int],
    smoothing: Sequence[float],
) -> Tensor:
    ids, mask = padded([row.ids for row in batch.rows], pad=PAD)
    rows = torch.tensor([row.label for row in batch.rows])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = network.pooled(ids, mask)
    pooled = pooled.float()
    texts, heads, truth = lessons.text[rows], lessons.head[rows], lessons.truth[rows]
    told = lessons.logits[texts].float().split(list(labels), 1)
    apart = 1 - cosine_similarity(pooled, lessons.pooled[texts].float()).mean()
    total: Tensor = recipe.mean_weight * apart
    for number, (head, wanted) in enumerate(zip(network.heads.values(), told, strict=True)):
        said = head(pooled)
        total = total + divergence(said, wanted, recipe.heat) / len(labels)
        own = heads == number
        if recipe.truth_weight and own.any():
            error = cross_entropy(said[own], truth[own], label_smoothing=smoothing[number], reduction="sum")
            total = total + recipe.truth_weight * error / len(rows)
    return total


def divergence(said: Tensor, wanted: Tensor, heat: float) -> Tensor:
    """How far the softened shares are from those wanted, times the heat's square: the gradient keeps its size."""
    found = (said / heat).log_softmax(-1)
    aim = (wanted / heat).log_softmax(-1)
    return kl_div(found, aim, reduction="batchmean", log_target=True) * heat**2
