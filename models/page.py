"""An evaluation as a Markdown page: what `pulsewire evaluate --markdown FILE` writes. Pure."""

from collections.abc import Iterable, Sequence

from models.calibration import together
from models.charts.confusion import heat_map
from models.charts.reliability import reliability
from models.comparison import Difference
from models.evaluation import SetReport
from models.figures import LabelReport
from models.manifest import Manifest

FEW_LABELS = 8  # a head of more has its confusions as a list instead of a table
WORST = 12
RELIABILITY = "reliability.svg"


def page(
    manifest: Manifest,
    reports: Sequence[SetReport],
    differences: Sequence[Difference],
    *,
    against: str,
    plots: str,
    ran_on: str,
) -> str:
    """The whole page; `plots` is the folder, as seen from the page, of what `pictures` made."""
    parts = [f"# Evaluation of `{manifest.name}`", _about(manifest, ran_on), _sets(reports)]
    if differences:
        parts.append(_compared(manifest.name, against, differences))
    names = ", ".join(_by_head(reports))
    parts.append(
        f"## How far shares can be taken for probabilities\n\n![Reliability of {names}]({plots}/{RELIABILITY})"
    )
    parts += [_one(report, plots) for report in reports]
    return "\n\n".join(parts) + "\n"


def pictures(reports: Sequence[SetReport]) -> dict[str, str]:
    """The plots by the names of their files: reliability by head, confusion by set."""
    made = {_picture(one): heat_map(f"{one.name}: {one.head}", one.confusion, _names(one)) for one in reports}
    heads = {head: together([each for one in some for each in one.bins]) for head, some in _by_head(reports).items()}
    return {RELIABILITY: reliability(heads)} | made


def is_picture(name: str) -> bool:
    """Whether `pictures` gives such names."""
    return name == RELIABILITY or (name.startswith("confusion-") and name.endswith(".svg"))


def _by_head(reports: Sequence[SetReport]) -> dict[str, list[SetReport]]:
    heads: dict[str, list[SetReport]] = {}
    for one in reports:
        heads.setdefault(one.head, []).append(one)
    return heads


def _picture(report: SetReport) -> str:
    return f"confusion-{report.name}.svg"


def _names(report: SetReport) -> list[str]:
    return [one.label for one in report.labels]


def _about(manifest: Manifest, ran_on: str) -> str:
    heats = ", ".join(f"{head} {heat:.2f}" for head, heat in manifest.temperatures.items())
    sures = ", ".join(f"{head} {least:.2f}" for head, least in manifest.sure.items())
    said = (
        "Written by `pulsewire evaluate`; the rows were held out of training. ECE is the expected calibration error "
        "over 15 bins. An answer counts as sure from the share on that the manifest gives. Texts a second are those "
        f"of {ran_on}, from text to answer."
    )
    return f"{said}\n\nTemperatures: {heats or 'none'}. Sure from: {sures or 'not said'}."


def _sets(reports: Sequence[SetReport]) -> str:
    columns = ("set", "head", "rows", "accuracy", "macro-F1", "ECE", "AUC", "sure", "right of the sure", "tokens",
               "texts/s")  # fmt: skip
    cells = (
        (one.name, one.head, f"{one.rows:,}", f"{one.accuracy:.3f}", f"{one.macro_f1:.3f}", f"{one.ece:.3f}",
         "" if one.auc is None else f"{one.auc:.3f}", f"{one.sure:.0%}", f"{one.sure_accuracy:.3f}",
         f"{one.tokens:.0f}", f"{one.texts_per_s:,.0f}") for one in reports
    )  # fmt: skip
    return table(columns, cells)


def _compared(name: str, against: str, differences: Sequence[Difference]) -> str:
    columns = ("set", "figure", f"`{name}`", f"`{against}`", "difference", "95% of it", "certain")
    cells = (
        (one.name, one.metric, f"{one.first:.3f}", f"{one.second:.3f}", f"{one.first - one.second:+.3f}",
         f"{one.low:+.3f} to {one.high:+.3f}", "yes" if one.certain else "") for one in differences
    )  # fmt: skip
    return f"## Against `{against}`\n\nThe same rows, resampled 1,000 times.\n\n{table(columns, cells)}"


def _one(report: SetReport, plots: str) -> str:
    labels = table(
        ("label", "rows", "precision", "recall", "F1"),
        ((one.label, f"{one.rows:,}", f"{one.precision:.2f}", f"{one.recall:.2f}", f"{one.f1:.2f}")
         for one in _shown(report)),
    )  # fmt: skip
    plot = f"![What is taken for what in {report.name}]({plots}/{_picture(report)})"
    parts = [f"## {report.name}", labels, plot, _confusion(report)]
    if report.slices:
        parts.append(
            table(
                ("by", "part", "rows", "accuracy", "macro-F1", "ECE", "AUC"),
                (
                    (
                        one.by,
                        one.value,
                        f"{one.rows:,}",
                        f"{one.accuracy:.3f}",
                        f"{one.macro_f1:.3f}",
                        f"{one.ece:.3f}",
                        "" if one.auc is None else f"{one.auc:.3f}",
                    )
                    for one in report.slices
                ),
            )
        )
    return "\n\n".join(parts)


def _shown(report: SetReport) -> Sequence[LabelReport]:
    """All labels of a small head, the worst ones of a great one."""
    if len(report.labels) <= 20:
        return report.labels
    return sorted(report.labels, key=lambda one: one.f1)[:WORST]


def _confusion(report: SetReport) -> str:
    if len(report.labels) <= FEW_LABELS:
        names = _names(report)
        lines = ((truth, *(f"{line.get(name, 0):,}" for name in names)) for truth, line in report.confusion.items())
        return table(("truth \\ answer", *names), lines)
    pairs = [(rows, truth, said) for truth, line in report.confusion.items() for said, rows in line.items()]
    worst = sorted((pair for pair in pairs if pair[1] != pair[2]), reverse=True)[:WORST]
    return table(("truth", "answer", "rows"), ((truth, said, str(rows)) for rows, truth, said in worst))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar in a cell does not end it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
