"""How a network does on the validation rows while it trains, and whether it is still getting better."""

from collections.abc import Sequence

import msgspec
import torch

from models import figures
from models import heads as declarations
from models.datasets.dataset import Example
from models.figures import Answer
from models.heads import Choice
from models.training.batches import Batch, Row
from models.training.network import Network
from models.training.objective import tensors

BATCH = 64


class Measured(msgspec.Struct, frozen=True):
    """Each head's declared metric after a step, and their mean."""

    step: int
    mean: float
    heads: dict[str, float]


class Validation:
    """The rows to measure on, by head."""

    def __init__(
        self, tasks: Sequence[tuple[str, Sequence[Row]]], labels: dict[str, tuple[str, ...]], *, pad: int
    ) -> None:
        known = declarations.declared()
        self._metrics = {head: (known[head].choice if head in known else Choice()).metric for head, _rows in tasks}
        self._tasks = [(head, sorted(rows, key=lambda row: len(row.ids))) for head, rows in tasks if rows]
        self._labels, self._pad = labels, pad

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def measure(self, network: Network, *, step: int) -> Measured:
        """The figures of the network as it is; it is left in the mode in which it came."""
        heads = {head: self._figure(head, answers) for head, answers in self.answers(network).items()}
        return Measured(step, round(sum(heads.values()) / len(heads), 4), heads)

    def answers(self, network: Network) -> dict[str, list[Answer]]:
        """What the network as it is says of every row, by head; it is left in the mode in which it came."""
        training = network.training
        network.eval()
        found = {head: self._answers(network, head, rows) for head, rows in self._tasks}
        network.train(training)
        return found

    def _figure(self, head: str, answers: Sequence[Answer]) -> float:
        if self._metrics[head] == "accuracy":
            return figures.accuracy(answers)
        scores = [one.f1 for one in figures.by_label(answers, self._labels[head])]
        return round(sum(scores) / len(scores), 4)

    def _answers(self, network: Network, head: str, rows: Sequence[Row]) -> list[Answer]:
        names, answers = self._labels[head], []
        for at in range(0, len(rows), BATCH):
            some = tuple(rows[at : at + BATCH])
            for row, found in zip(some, self._found(network, Batch(head, some)), strict=True):
                answers.append(Answer(Example("", names[row.label]), names[found], 1.0, {}))
        return answers

    def _found(self, network: Network, batch: Batch) -> list[int]:
        ids, mask, _labels = tensors(batch, pad=self._pad)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            found: list[int] = network.head(batch.head, ids, mask).argmax(1).tolist()
        return found


def best(measured: Sequence[Measured]) -> Measured:
    """The highest; of equals the first."""
    return max(measured, key=lambda one: one.mean)


def tired(measured: Sequence[Measured], patience: int) -> bool:
    """Whether the figure has not risen for `patience` looks; never where that is 0."""
    if not patience or not measured:
        return False
    return len(measured) - 1 - measured.index(best(measured)) >= patience
