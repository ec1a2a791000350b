from pathlib import Path

import pytest

from models.datasets.dataset import Dataset, Example, Split
from models.evaluation import evaluate, figures
from models.fake import FakeClassifier


def test_precision_recall_and_f1() -> None:
    truth = ["a", "a", "a", "b", "b"]
    answers = ["a", "a", "b", "b", "c"]
    a, b, c = figures(truth, answers, ("a", "b", "c", "d"))
    assert (a.rows, a.precision, a.recall, a.f1) == (3, 1.0, 0.6667, 0.8)
    assert (b.rows, b.precision, b.recall, b.f1) == (2, 0.5, 0.5, 0.5)
    assert (c.rows, c.precision, c.recall, c.f1) == (0, 0.0, 0.0, 0.0)


def test_every_set_is_measured_on_its_test_rows(tmp_path: Path) -> None:
    rows = tuple(Example(f"text {number}", "neutral") for number in range(30))
    one = Dataset("made-up", "sentiment", "none", "here", (), lambda _data: Split((), rows))
    told: list[float] = []
    fake = FakeClassifier()
    (report,) = evaluate(fake, [one], tmp_path, report=lambda done, _note="": told.append(done))
    right = sum(r.probabilities["sentiment"].index(max(r.probabilities["sentiment"])) == 1
                for r in fake.classify([row.text for row in rows]))  # fmt: skip
    assert report.accuracy == pytest.approx(right / 30, abs=1e-4)
    assert (report.rows, told[-1]) == (30, 1.0)
    assert evaluate(fake, [one], tmp_path, limit=7, report=lambda *_: None)[0].rows == 7
