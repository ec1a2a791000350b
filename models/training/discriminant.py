"""A linear head in closed form: discriminant analysis with a shrunk covariance.

With ten examples a label there is little to descend along; what separates labels best under one covariance for all is
known outright. It is the same numbers every time, takes seconds, and beats logistic regression by 3 points where rows
are few (docs/models/own-heads.md).
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.calibration import sure_from, temperature, tempered
from models.heads import Choice

Floats = NDArray[np.float64]
SHRINKAGES = (0.05, 0.15, 0.3, 0.5, 0.7, 0.9)  # the share of the covariance that is taken to be alike in all directions
FOLDS = 5
HOTTEST = 1e12  # of few rows the covariance may be next to nothing


class Linear(msgspec.Struct, frozen=True):
    """weight[labels, width] and bias[labels]: logits are weight times x, plus bias."""

    weight: Floats
    bias: Floats

    def logits(self, x: Floats) -> Floats:
        found: Floats = x @ self.weight.T + self.bias
        return found


class Fitted(msgspec.Struct, frozen=True):
    """A head, and how it did on rows that were left out while it was chosen."""

    head: Linear
    shrinkage: float
    accuracy: float  # of the left-out rows, with the shrinkage that does best on them
    sure: float  # the least share of the first label with which so many of them are right as is asked of a sure answer


def fit(x: Floats, truth: NDArray[np.int64], labels: int, *, groups: Sequence[int] | None = None) -> Fitted:
    """The head for these rows, its logits as sure as they should be; rows left out in turn tell, of the shrinkage too.

    Few rows may all be right, and their logits hundreds apart. Then it is said to be as sure as so many can tell: of n
    right ones the next is right with (n + 1) / (n + 2), which is Laplace's rule of succession.

    Rows of one of the `groups`, a number for each row, are left out together: what is known by heart does not count.
    """
    folds = _folds(truth, labels, np.arange(len(truth)) if groups is None else np.array(groups))
    left_out: dict[float, Floats] = {share: np.zeros((len(x), labels)) for share in SHRINKAGES}
    for number in range(FOLDS):
        inside, outside = folds != number, folds == number
        for share, head in _heads(x[inside], truth[inside], labels, SHRINKAGES).items():
            left_out[share][outside] = head.logits(x[outside])
    hits = {share: float((logits.argmax(1) == truth).mean()) for share, logits in left_out.items()}
    best = max(SHRINKAGES, key=hits.__getitem__)
    (head,) = _heads(x, truth, labels, (best,)).values()
    heat = temperature(left_out[best], truth.tolist(), smoothing=1 / (len(truth) + 2), hottest=HOTTEST)
    shares = tempered(left_out[best], heat)
    sure = sure_from(shares.max(1).tolist(), (shares.argmax(1) == truth).tolist(), share=Choice().sure)
    return Fitted(Linear(head.weight / heat, head.bias / heat), best, round(hits[best], 4), sure)


def _folds(truth: NDArray[np.int64], labels: int, groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """A fold a row, one for a group: each goes where its label has the fewest rows, so that all have what they can."""
    folds, held = np.zeros(len(truth), np.int64), np.zeros((FOLDS, labels), np.int64)
    order = np.argsort(groups, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        label = truth[rows[0]]
        turn = (np.arange(FOLDS) + label) % FOLDS  # where all are equal, labels of few rows begin at different folds
        fold = turn[held[turn, label].argmin()]
        folds[rows] = fold
        np.add.at(held[fold], truth[rows], 1)
    return folds


def _heads(x: Floats, truth: NDArray[np.int64], labels: int, shrinkages: Sequence[float]) -> dict[float, Linear]:
    counts = np.bincount(truth, minlength=labels)
    means = np.zeros((labels, x.shape[1]))
    np.add.at(means, truth, x)
    means /= np.maximum(counts, 1)[:, None]
    apart = x - means[truth]
    spread = apart.T @ apart / max(len(x) - int((counts > 0).sum()), 1)
    level = np.trace(spread) / len(spread) or 1.0
    prior = np.where(counts > 0, np.log(np.maximum(counts, 1) / max(len(x), 1)), -1e3)  # a label that a fold lacks
    heads = {}
    for share in shrinkages:
        shrunk = (1 - share) * spread + share * level * np.eye(len(spread))
        weight = np.linalg.solve(shrunk, means.T).T.astype(np.float64)
        heads[share] = Linear(weight, prior - (weight * means).sum(1) / 2)
    return heads
