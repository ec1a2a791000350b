"""What is counted of answers whose truth is known. Pure; a figure is 0 where it is not defined."""

import re
from collections.abc import Callable, Sequence

import msgspec

from models.calibration import expected_error
from models.datasets.dataset import Example
from models.heads import Choice, Head

SMALLEST_SLICE = 20  # rows
SMALLEST_SOURCE = 6  # a source is a thing of its own: it is shown even if chance has much to say
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_TICKER = re.compile(r"\$[A-Z]{1,6}\b")
_LENGTHS = ((40, "up to 40 characters"), (100, "41 to 100"), (250, "101 to 250"))


class Answer(msgspec.Struct, frozen=True):
    """A row, the label that it was given, that label's share, and all shares."""

    row: Example
    label: str
    share: float
    shares: dict[str, float]

    @property
    def right(self) -> bool:
        return self.label == self.row.label


class LabelReport(msgspec.Struct, frozen=True):
    """How well one label is found."""

    label: str
    rows: int
    precision: float
    recall: float
    f1: float


class SliceReport(msgspec.Struct, frozen=True):
    """Figures of a part of the rows: all of those whose `by` is `value`."""

    by: str
    value: str
    rows: int
    accuracy: float
    macro_f1: float
    ece: float
    auc: float | None = None


def whole(rows: Sequence[Answer], head: Head, *, by: str = "all", value: str = "") -> SliceReport:
    """The figures of all the rows."""
    labels = by_label(rows, head.names)
    f1 = round(sum(one.f1 for one in labels) / len(labels), 4) if labels else 0.0
    error = expected_error([one.share for one in rows], [one.right for one in rows])
    return SliceReport(by, value, len(rows), accuracy(rows), f1, error, auc(rows, head.choice))


def accuracy(rows: Sequence[Answer]) -> float:
    return round(sum(one.right for one in rows) / len(rows), 4) if rows else 0.0


def by_label(rows: Sequence[Answer], names: Sequence[str]) -> tuple[LabelReport, ...]:
    """Precision, recall and F1 of each label that occurs as truth or as answer."""
    reports = []
    for name in names:
        right = sum(one.label == name == one.row.label for one in rows)
        given, found = sum(one.row.label == name for one in rows), sum(one.label == name for one in rows)
        if given or found:
            precision, recall = right / found if found else 0.0, right / given if given else 0.0
            f1 = 2 * right / (given + found)
            reports.append(LabelReport(name, given, round(precision, 4), round(recall, 4), round(f1, 4)))
    return tuple(reports)


def confusion(rows: Sequence[Answer], names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Truth, answer, how often; pairs that never occur are left out."""
    table: dict[str, dict[str, int]] = {name: {} for name in names}
    for one in rows:
        line = table[one.row.label]
        line[one.label] = line.get(one.label, 0) + 1
    return {name: line for name, line in table.items() if line}


def auc(rows: Sequence[Answer], choice: Choice) -> float | None:
    """How often a row of the declared high labels leans more to them than a row of the low ones (ROC AUC).

    It leans by its share of the high labels out of those of both: what goes to labels between them says nothing here.
    None where rows of one side are missing, or the bundle lacks one of the labels.
    """
    if not choice.high:
        return None
    told_apart = {*choice.high, *choice.low}
    scored = [
        (_leaning(one, choice), one.row.label in choice.high)
        for one in rows
        if one.row.label in told_apart and told_apart <= one.shares.keys()
    ]
    highs = sum(high for _score, high in scored)
    if not highs or highs == len(scored):
        return None
    scored.sort()
    total, at = 0.0, 0
    while at < len(scored):  # equal scores share their ranks
        end = at
        while end < len(scored) and scored[end][0] == scored[at][0]:
            end += 1
        total += sum(high for _score, high in scored[at:end]) * (at + end + 1) / 2
        at = end
    return round((total - highs * (highs + 1) / 2) / (highs * (len(scored) - highs)), 4)


def _leaning(answer: Answer, choice: Choice) -> float:
    high, low = (sum(answer.shares[label] for label in some) for some in (choice.high, choice.low))
    return high / ((high + low) or 1.0)


def slices(rows: Sequence[Answer], head: Head) -> tuple[SliceReport, ...]:
    """By language, length, source, part, entity, where rows differ in it and there are enough to say anything."""
    found: list[SliceReport] = []
    for by, of in SLICES.items():
        parts: dict[str, list[Answer]] = {}
        for one in rows:
            parts.setdefault(of(one.row), []).append(one)
        least = SMALLEST_SOURCE if by == "source" else SMALLEST_SLICE
        if len(parts) > 1:
            kept = {value: part for value, part in sorted(parts.items()) if value and len(part) >= least}
            found += [whole(part, head, by=by, value=value) for value, part in kept.items()]
    return tuple(found)


def language(row: Example) -> str:
    return "zh" if _CHINESE.search(row.text) else "en"


def length(row: Example) -> str:
    return next((name for most, name in _LENGTHS if len(row.text) <= most), "longer than 250")


def entity(row: Example) -> str:
    """Who it speaks of; where the set does not say, whether a ticker such as $AAPL names somebody."""
    return row.entity or ("a ticker" if _TICKER.search(row.text) else "no ticker")


SLICES: dict[str, Callable[[Example], str]] = {
    "language": language,
    "length": length,
    "source": lambda row: row.source,
    "part": lambda row: row.part,
    "entity": entity,
}
