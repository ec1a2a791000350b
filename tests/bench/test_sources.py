"""Priors that have moved are found from the shares alone, where the shares are calibrated."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

from tests.bench._taught import accuracy
from tests.bench.sources import estimated, figures, moved

pytestmark = pytest.mark.train
BEFORE, HERE = np.array([0.2, 0.6, 0.2]), np.array([0.45, 0.1, 0.45])


def calibrated(*, rows=4_000):
    """Shares of a reader who was taught with the priors `BEFORE`, of rows that come with the priors `HERE`."""
    chance = np.random.default_rng(3)
    labels = chance.choice(3, size=rows, p=HERE)
    seen = chance.normal(np.eye(3)[labels], 0.7)
    likely = np.exp(-((seen[:, None, :] - np.eye(3)) ** 2).sum(2) / (2 * 0.7**2))
    return moved(likely, np.ones(3), BEFORE), labels


def test_priors_that_moved_are_found_and_using_them_is_right_more_often():
    shares, labels = calibrated()
    found = estimated(shares, BEFORE)
    assert np.abs(found - HERE).max() < 0.04
    assert accuracy(moved(shares, BEFORE, found), labels) > accuracy(shares, labels) + 0.1
    assert float(figures(shares, labels)["are called so"]) > 0.3


def test_priors_that_stayed_stay():
    shares = np.array([[1.0, 0.0, 0.0]] * 2 + [[0.0, 1.0, 0.0]] * 6 + [[0.0, 0.0, 1.0]] * 2)
    assert estimated(shares, BEFORE) == pytest.approx(BEFORE)
