"""What a classifier promises: one suite, run on the fake and on the bundle that ships."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.fake import FakeClassifier
from models.labels import SENTIMENT, SEVERITY
from models.runtime import Classifier

TEXTS = [
    "Acme shares jump 12% after record quarterly profit",
    "公司季度利润增长30%，超出市场预期",
    "ERROR connection to 10.0.0.7:5432 refused, giving up after 5 attempts",
    "",
    "half a pair \ud83d and a NUL \x00",
    "long " * 5_000,
    "Acme shares jump 12% after record quarterly profit",
]


@pytest.fixture(scope="module", params=["fake", "shipped"])
def classifier(request: pytest.FixtureRequest) -> Iterator[FakeClassifier | Classifier]:
    if request.param == "fake":
        yield FakeClassifier.load()
        return
    folder: Path = request.getfixturevalue("shipped")
    real = Classifier.load(folder, threads=2, cache=100)
    yield real
    real.close()


def test_there_is_a_reading_for_each_text_in_order(classifier: Classifier) -> None:
    readings = classifier.classify(TEXTS)
    assert len(readings) == len(TEXTS)
    assert readings[0] == readings[-1]
    assert [classifier.classify([text])[0] for text in TEXTS] == readings


def test_probabilities_fit_the_labels(classifier: Classifier) -> None:
    for reading in classifier.classify(TEXTS):
        assert list(reading.probabilities) == list(classifier.manifest.labels)
        for head, labels in classifier.manifest.labels.items():
            values = reading.probabilities[head]
            assert len(values) == len(labels)
            assert all(0 <= value <= 1 for value in values)
            assert sum(values) == pytest.approx(1, abs=1e-4)


def test_the_promised_heads_are_there(classifier: Classifier) -> None:
    assert classifier.manifest.labels["sentiment"] == SENTIMENT
    assert classifier.manifest.labels["severity"] == SEVERITY
    assert len(classifier.manifest.labels["category"]) == 20


def test_tokens_are_counted_and_bounded(classifier: Classifier) -> None:
    counts = [reading.tokens for reading in classifier.classify(TEXTS)]
    assert all(0 < count <= classifier.manifest.max_length for count in counts)


def test_no_texts_no_readings(classifier: Classifier) -> None:
    assert classifier.classify([]) == []


def test_many_threads_get_the_same_answers(classifier: Classifier) -> None:
    texts = [f"{text[:80]} {number}" for number, text in enumerate(TEXTS * 6)]
    expected = classifier.classify(texts)
    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(classifier.classify, [texts[shift:] + texts[:shift] for shift in range(6)]))
    for shift, readings in enumerate(answers):
        assert readings == expected[shift:] + expected[:shift]


def test_it_names_itself_and_its_device(classifier: Classifier) -> None:
    assert classifier.manifest.name
    assert classifier.device in {"CPU", "CUDA"}
