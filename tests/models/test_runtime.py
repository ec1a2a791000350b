"""What the real classifier promises beyond the contract: exact answers, a memory, sense."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.runtime import Classifier

HEADLINES = [
    ("Acme shares surge 14% after profit beats forecasts", "positive"),
    ("Retailer posts record sales, raises full-year outlook", "positive"),
    ("Airline stock plunges as losses widen", "negative"),
    ("Bank shares tumble after profit warning", "negative"),
    ("Company to hold annual general meeting on 12 June", "neutral"),
    ("公司一季度净利润同比增长45%，创历史新高", "positive"),
    ("公司业绩大幅下滑，全年亏损扩大", "negative"),
    ("因涉嫌违规，公司被立案调查，股价大跌", "negative"),
]
LOG_LINES = [
    ("Server started on port 8080", {"info"}),
    ("Loaded 14 plugins in 120 ms", {"info"}),
    ("Failed to connect to database: connection refused", {"error", "critical"}),
    ("Out of memory, aborting", {"error", "critical"}),
]
TOPICS = [
    ("Fed raises interest rates by 25 basis points", "Fed | Central Banks"),
    ("Board declares quarterly dividend of $0.24 a share", "Dividend"),
    ("Crude oil falls 3% as OPEC raises output", "Energy | Oil"),
]


@pytest.fixture(scope="module")
def classifier(shipped: Path) -> Iterator[Classifier]:
    loaded = Classifier.load(shipped, threads=2, cache=0)
    yield loaded
    loaded.close()


def best(classifier: Classifier, head: str, text: str) -> str:
    shares = classifier.classify([text])[0].probabilities[head]
    return classifier.manifest.labels[head][shares.index(max(shares))]


def made_up_texts(count: int) -> list[str]:
    """Texts of 1 to 120 words, in two languages."""
    chance = random.Random(7)
    words = ["profit", "loss", "连接", "增长", "股份", "error", "17", "retry", "<*>", "10.0.0.1", "the", "timeout"]
    return [" ".join(chance.choices(words, k=chance.choice((1, 3, 9, 20, 40, 120)))) for _ in range(count)]


def test_an_answer_does_not_depend_on_its_company(classifier: Classifier) -> None:
    texts = made_up_texts(60)
    together = classifier.classify(texts)
    assert [classifier.classify([text])[0] for text in texts] == together
    assert classifier.classify(texts[::-1])[::-1] == together
    assert classifier.classify(texts[:7] + ["other"] * 3)[:7] == together[:7]


def test_an_answer_is_the_same_in_200_companies(classifier: Classifier) -> None:
    texts = [text for text in made_up_texts(60) if len(text.split()) <= 20][:8]
    chance = random.Random(11)
    alone = [classifier.classify([text])[0] for text in texts]
    for number in range(200):
        at = number % len(texts)
        company = [" ".join(["profit", "增长", "17"] * chance.randint(1, 6)) for _ in range(chance.randint(1, 3))]
        place = chance.randint(0, len(company))
        assert classifier.classify([*company[:place], texts[at], *company[place:]])[place] == alone[at]


def test_an_answer_does_not_depend_on_the_threads(shipped: Path, classifier: Classifier) -> None:
    texts = made_up_texts(40)
    single = Classifier.load(shipped, threads=1, cache=0)
    assert single.classify(texts) == classifier.classify(texts)
    single.close()


def test_answers_are_remembered(shipped: Path) -> None:
    loaded = Classifier.load(shipped, threads=1, cache=3)
    texts = made_up_texts(3)
    first = loaded.classify([*texts, texts[0]])
    assert (loaded.cache.hits, loaded.cache.misses) == (0, 3)
    assert loaded.classify(texts) == first[:3]
    assert (loaded.cache.hits, loaded.cache.misses) == (3, 3)
    loaded.classify(["a fourth", "a fifth"])
    assert len(loaded.cache) == 3
    loaded.close()


def test_what_follows_the_last_character_read_costs_nothing(classifier: Classifier) -> None:
    assert classifier.classify(["x " * 3_000_000])[0].tokens == classifier.manifest.max_length


@pytest.mark.parametrize(("text", "sentiment"), HEADLINES)
def test_headlines_get_sensible_sentiment(classifier: Classifier, text: str, sentiment: str) -> None:
    assert best(classifier, "sentiment", text) == sentiment


@pytest.mark.parametrize(("text", "severities"), LOG_LINES)
def test_log_lines_get_sensible_severity(classifier: Classifier, text: str, severities: set[str]) -> None:
    assert best(classifier, "severity", text) in severities


@pytest.mark.parametrize(("text", "category"), TOPICS)
def test_news_gets_a_sensible_category(classifier: Classifier, text: str, category: str) -> None:
    assert best(classifier, "category", text) == category
