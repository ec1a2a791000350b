"""What is taken for what, as a heat map: a row for each true label, a column for each answer.

What is right is of one colour and what is not of another, the stronger the more of its row; a mistake's strength grows
with the root, so that one row in a hundred is still seen.
"""

import math
from collections.abc import Mapping, Sequence

from models.charts import svg

WIDEST = 620.0
LARGEST, SMALLEST = 74.0, 11.0  # a cell's side
LETTER = 6.6  # a letter's mean width
SHORT = 34  # letters of a label
NUMBERS_FROM, NAMES_FROM = 22.0, 16.0  # the least side of a cell that holds a number; that has its label above it
HEAD = 26.0
STRONG = 0.7  # cells above it have white numbers
EXPLAINED = "True labels down, answers across; % of the rows with that true label."

Confusion = Mapping[str, Mapping[str, int]]  # truth -> answer -> rows


def heat_map(title: str, confusion: Confusion, labels: Sequence[str]) -> str:
    """The whole picture, labels in this order."""
    side = min(LARGEST, max(SMALLEST, WIDEST / len(labels)))
    left = LETTER * max(map(len, map(_short, labels))) * (1 if side >= NAMES_FROM else 0.8) + 24
    top = HEAD + (_above(labels, side) if side >= NAMES_FROM else 22)
    shapes = [svg.text(12, 20, title, kind="title")]
    if side < NAMES_FROM:
        shapes.append(svg.text(left, HEAD + 14, "answers, in the same order", kind="dim small"))
    for number, truth in enumerate(labels):
        y = top + number * side
        shapes.append(svg.text(left - 8, y + side / 2 + 4, _short(truth), kind="end" + _size(side)))
        if side >= NAMES_FROM:
            shapes.append(_column(labels, number, left + (number + 0.5) * side, top - 8, side=side))
        shapes += _line(confusion.get(truth, {}), truth, labels, side=side, left=left, y=y)
    end = left + len(labels) * side
    frame = '<rect class="line" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
    shapes.append(frame.format(left, top, end - left, len(labels) * side))
    bottom = top + len(labels) * side
    shapes.append(svg.text(12, bottom + 20, EXPLAINED, kind="dim small"))
    return svg.picture(max(end + _aside(labels, side), 330), bottom + 34, f"Confusion of {title}", shapes)


def _line(
    line: Mapping[str, int], truth: str, labels: Sequence[str], *, side: float, left: float, y: float
) -> list[str]:
    shapes, total = [], sum(line.values())
    for number, answer in enumerate(labels):
        rows = line.get(answer, 0)
        if not rows:
            continue
        share, right = rows / total, answer == truth
        strength = 0.08 + 0.92 * (share if right else math.sqrt(share))
        at, says = (left + number * side, y), f"{truth}, answered {answer}: {rows:,} of {total:,}"
        kind = "good" if right else "bad"
        shapes.append(svg.box(at, (side, side), kind=kind, strength=strength, says=says))
        if side >= NUMBERS_FROM:
            shapes += _number(rows, share, at, side=side, kind="middle strong" if strength > STRONG else "middle")
    return shapes


def _number(rows: int, share: float, at: tuple[float, float], *, side: float, kind: str) -> list[str]:
    """How many rows and what part of the true ones, or the part alone where there is no room for both."""
    x, y = at[0] + side / 2, at[1] + side / 2
    if side < 50:
        return [svg.text(x, y + 4, f"{share * 100:.0f}", kind=f"{kind} small")]
    return [svg.text(x, y, f"{rows:,}", kind=kind), svg.text(x, y + 15, f"{share:.1%}", kind=f"{kind} small")]


def _column(labels: Sequence[str], number: int, x: float, y: float, *, side: float) -> str:
    name = _short(labels[number])
    if _fits(labels, side):
        return svg.text(x, y, name, kind="middle")
    return svg.text(x, y, name, turned=-45)


def _fits(labels: Sequence[str], side: float) -> bool:
    return max(map(len, labels)) * LETTER <= side


def _above(labels: Sequence[str], side: float) -> float:
    return 24 if _fits(labels, side) else 24 + LETTER * 0.72 * max(map(len, map(_short, labels)))


def _aside(labels: Sequence[str], side: float) -> float:
    """What the last column's label needs beyond its cell."""
    if side < NAMES_FROM or _fits(labels, side):
        return 24
    return 24 + LETTER * 0.72 * len(_short(labels[-1]))


def _short(label: str) -> str:
    return label if len(label) <= SHORT else label[: SHORT - 1] + "…"


def _size(side: float) -> str:
    return "" if side >= NAMES_FROM else " small"
