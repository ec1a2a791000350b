"""How often answers of a share are right, head by head: on the diagonal where shares can be taken for probabilities.

Each dot is a bin of answers, its area what part of all they are, with the 95% interval of its accuracy (Wilson's).
"""

import math
from collections.abc import Mapping, Sequence

from models.calibration import Bin
from models.charts import svg

SIDE, LEFT, TOP = 200, 44, 40  # of a panel's plot, and what is left of and above it
PANEL = (SIDE + LEFT + 22, SIDE + TOP + 44)
IN_A_ROW = 4
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reliability(heads: Mapping[str, Sequence[Bin]]) -> str:
    """A panel for each head."""
    across = min(IN_A_ROW, len(heads)) or 1
    shapes = []
    for number, (head, bins) in enumerate(heads.items()):
        shapes += _panel(head, bins, number % across * PANEL[0], number // across * PANEL[1])
    down = -(-len(heads) // across)
    return svg.picture(across * PANEL[0], down * PANEL[1], "How often answers of a share are right, by head", shapes)


def _panel(head: str, bins: Sequence[Bin], x: float, y: float) -> list[str]:
    left, bottom = x + LEFT, y + TOP + SIDE
    total = sum(one.rows for one in bins)
    error = sum(one.rows * abs(one.share - one.right) for one in bins) / total if total else 0.0
    shapes = [
        svg.text(left, y + 20, head, kind="title"),
        svg.text(left + SIDE, y + 20, f"ECE {error:.3f}, {total:,} rows", kind="dim end small"),
        *_axes(left, bottom),
    ]
    for one in bins:
        across, up = left + one.share * SIDE, bottom - one.right * SIDE
        low, high = interval(one.right, one.rows)
        says = f"{one.rows:,} answers of {one.share:.2f} in the mean: {one.right:.1%} right"
        shapes += [
            svg.line(across, bottom - low * SIDE, across, bottom - high * SIDE, kind="whisker"),
            svg.dot(across, up, 2.5 + 9 * math.sqrt(one.rows / total), says=says),
        ]
    return shapes


def _axes(left: float, bottom: float) -> list[str]:
    shapes = []
    for step in STEPS:
        x, y = left + step * SIDE, bottom - step * SIDE
        shapes += [
            svg.line(left, y, left + SIDE, y),
            svg.line(x, bottom, x, bottom - SIDE),
            svg.text(x, bottom + 15, f"{step:g}", kind="dim small middle"),
            svg.text(left - 6, y + 4, f"{step:g}", kind="dim small end"),
        ]
    return [
        *shapes,
        svg.line(left, bottom, left + SIDE, bottom - SIDE, kind="dash"),
        svg.text(left + SIDE / 2, bottom + 32, "share that the model gives", kind="dim small middle"),
        svg.text(left - 32, bottom - SIDE / 2, "right", kind="dim small middle", turned=-90),
    ]


def interval(right: float, rows: int) -> tuple[float, float]:
    """Where the true accuracy lies, in 19 cases of 20, when `rows` answers have this one."""
    z2 = 1.96**2
    middle = (right + z2 / (2 * rows)) / (1 + z2 / rows)
    half = 1.96 * math.sqrt(right * (1 - right) / rows + z2 / (4 * rows * rows)) / (1 + z2 / rows)
    return max(0.0, middle - half), min(1.0, middle + half)
