import re
from pathlib import Path

import msgspec
import pytest

from models import page
from models.comparison import compare
from models.datasets.dataset import Dataset, Example, Split
from models.errors import ReportError
from models.evaluation import ask, evaluate
from models.fake import FakeClassifier
from models.figures import Answer, auc, by_label, confusion, slices
from models.heads import Choice, Head, declared
from models.measuring import Measured, write


def answers(truth: str, said: str, *, text: str = "text") -> list[Answer]:
    """One answer a letter."""
    return [Answer(Example(text, one), other, 0.5, {}) for one, other in zip(truth, said, strict=True)]


AB = Head({"a": "", "b": ""})


def silent(_done: float, _note: str = "") -> None:
    """Nobody looks."""


def made_up(rows: tuple[Example, ...]) -> Dataset:
    return Dataset("made-up", "sentiment", "none", "here", (), lambda _data: Split((), rows))


def test_precision_recall_and_f1() -> None:
    a, b, c = by_label(answers("aaabb", "aabbc"), ("a", "b", "c", "d"))
    assert (a.rows, a.precision, a.recall, a.f1) == (3, 1.0, 0.6667, 0.8)
    assert (b.rows, b.precision, b.recall, b.f1) == (2, 0.5, 0.5, 0.5)
    assert (c.rows, c.precision, c.recall, c.f1) == (0, 0.0, 0.0, 0.0)


def test_confusions_are_counted() -> None:
    assert confusion(answers("aab", "abb"), ("a", "b", "c")) == {"a": {"a": 1, "b": 1}, "b": {"b": 1}}


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((0.1, 0.2, 0.8, 0.9), 1.0),
        ((0.9, 0.8, 0.2, 0.1), 0.0),
        ((0.5, 0.5, 0.5, 0.5), 0.5),
        ((0.1, 0.3, 0.2, 0.4), 0.75),
    ],
)
def test_the_area_under_the_curve(shares: tuple[float, ...], expected: float) -> None:
    labels = ("info", "info", "error", "critical")
    rows = [
        Answer(Example("t", label), "info", 1.0, {"error": share, "critical": 0.0, "info": 1 - share, "warning": 0.0})
        for label, share in zip(labels, shares, strict=True)
    ]
    rows.append(
        Answer(Example("t", "warning"), "info", 1.0, {"error": 1.0, "critical": 1.0, "info": 0.0})
    )  # on neither side
    assert auc(rows, declared()["severity"].choice) == expected
    assert auc(rows[:2], declared()["severity"].choice) is None
    assert auc(rows, declared()["intent"].choice) is None


def test_a_bundle_without_one_of_the_labels_has_no_such_figure() -> None:
    rows = [Answer(Example("t", label), "info", 1.0, {"error": 0.4, "info": 0.6}) for label in ("info", "critical")]
    assert auc(rows, declared()["severity"].choice) is None


def test_what_goes_to_a_label_between_does_not_count() -> None:
    shares = [
        ("info", {"error": 0.3, "critical": 0.0, "info": 0.7, "warning": 0.0}),
        ("error", {"error": 0.2, "critical": 0.0, "info": 0.1, "warning": 0.7}),
    ]
    rows = [Answer(Example("t", label), "info", 1.0, some) for label, some in shares]
    assert auc(rows, declared()["severity"].choice) == 1.0


def test_slices_are_by_language_length_and_source() -> None:
    rows = answers("a" * 20, "a" * 20, text="公司利润增长") + answers("a" * 25, "b" * 25, text="x" * 300)
    found = {(one.by, one.value): one for one in slices(rows, AB)}
    assert found["language", "zh"].accuracy == 1.0
    assert found["language", "en"].accuracy == 0.0
    assert found["length", "longer than 250"].rows == 25
    assert not any(by == "source" for by, _ in found)
    assert slices(rows[:20], AB) == ()


def test_a_set_may_tell_other_labels_apart_than_its_head(tmp_path: Path) -> None:
    rows = tuple(
        Example(f"text {number}", ("info", "warning")[number % 2], ("one", "two")[number % 4 // 2], "both")
        for number in range(40)
    )
    plain = Dataset("lines", "severity", "none", "here", (), lambda _data: Split((), rows))
    (report,) = evaluate(FakeClassifier(), [plain], tmp_path, report=silent)
    assert report.auc is None  # there is no error among them
    choice = Choice(high=("warning", "error", "critical"), low=("info",))
    (report,) = evaluate(FakeClassifier(), [msgspec.structs.replace(plain, choice=choice)], tmp_path, report=silent)
    assert report.auc is not None
    assert {(one.value, one.rows): one.auc is not None for one in report.slices if one.by == "source"} == {
        ("one", 20): True,
        ("two", 20): True,
    }


def test_every_set_is_measured_on_its_test_rows(tmp_path: Path) -> None:
    rows = tuple(Example(f"text {number}", "neutral") for number in range(30))
    told: list[float] = []
    fake = FakeClassifier()
    (report,) = evaluate(fake, [made_up(rows)], tmp_path, report=lambda done, _note="": told.append(done))
    right = sum(r.probabilities["sentiment"].index(max(r.probabilities["sentiment"])) == 1
                for r in fake.classify([row.text for row in rows]))  # fmt: skip
    assert report.accuracy == pytest.approx(right / 30, abs=1e-4)
    assert 0 < report.ece < 1
    assert (report.rows, told[-1]) == (30, 1.0)
    assert evaluate(fake, [made_up(rows)], tmp_path, limit=7, report=silent)[0].rows == 7


def test_a_bundle_is_as_good_as_itself_and_worse_than_one_that_is_right(tmp_path: Path) -> None:
    fake = FakeClassifier()
    rows = tuple(Example(f"text {number}", "neutral") for number in range(200))
    (asked,) = ask(fake, [made_up(rows)], tmp_path, report=silent)
    for one in compare([asked], [asked]):
        assert (one.first - one.second, one.low, one.high, one.certain) == (0, 0, 0, False)
    knowing = tuple(Answer(one.row, one.row.label, 1.0, one.shares) for one in asked.answers)
    better = type(asked)(asked.name, asked.head, knowing, asked.tokens, asked.seconds)
    accuracy, _f1 = compare([better], [asked])
    assert accuracy.first == 1.0
    assert accuracy.certain
    assert accuracy.low <= accuracy.first - accuracy.second <= accuracy.high


def test_a_page_says_it_all(tmp_path: Path) -> None:
    fake = FakeClassifier()
    rows = tuple(Example(f"{'公司' * (number % 2)} text {number}", "neutral") for number in range(60))
    asked = ask(fake, [made_up(rows)], tmp_path, report=silent)
    reports = evaluate(fake, [made_up(rows)], tmp_path, report=silent)
    differences = compare(asked, asked)
    text = page.page(fake.manifest, reports, differences, against="other | one", plots="plots", ran_on="CPU, 9 threads")
    assert text.startswith("# Evaluation of `fake`\n")
    assert "| made-up | sentiment | 60 |" in text
    assert "| language | zh | 30 |" in text
    assert "other \\| one" in text
    assert "of CPU, 9 threads" in text
    assert f"| {reports[0].texts_per_s:,.0f} |" in text
    assert "| neutral |" in text
    assert set(re.findall(r"\]\(plots/(.+?)\)", text)) == set(page.pictures(reports))


def test_a_page_comes_with_its_plots_and_leaves_others_alone(tmp_path: Path) -> None:
    rows = tuple(Example(f"text {number}", "neutral") for number in range(30))
    fake = FakeClassifier()
    found = Measured(fake.manifest, "CPU", 1, evaluate(fake, [made_up(rows)], tmp_path, report=silent))
    plots = tmp_path / "docs" / "mine-plots"
    plots.mkdir(parents=True)
    (plots / "confusion-old.svg").touch()
    (plots / "logo.svg").touch()
    write(tmp_path / "docs" / "mine.md", found)
    assert {one.name for one in plots.iterdir()} == {"reliability.svg", "confusion-made-up.svg", "logo.svg"}
    assert "](mine-plots/reliability.svg)" in (tmp_path / "docs" / "mine.md").read_text()
    with pytest.raises(ReportError, match="cannot be written"):
        write(tmp_path / "docs" / "mine.md" / "under-a-file.md", found)


def test_slices_are_by_whom_a_text_speaks_of() -> None:
    named = [Answer(Example("t", "a", entity=who), "a", 0.5, {}) for who in ["Gold"] * 30 + ["Oil"] * 30 + ["Tin"] * 3]
    assert [(one.value, one.rows) for one in slices(named, AB) if one.by == "entity"] == [("Gold", 30), ("Oil", 30)]
    tweets = answers("a" * 30, "a" * 30, text="$AAPL up") + answers("a" * 30, "b" * 30, text="stocks cost $20")
    assert [(one.value, one.accuracy) for one in slices(tweets, AB) if one.by == "entity"] == [
        ("a ticker", 1.0), ("no ticker", 0.0)]  # fmt: skip
