"""What `pulsewire export` does: the shipped model's sets where they are at hand, and none where they are not."""

from collections.abc import Sequence
from pathlib import Path

from export.export import Plan, export
from models import places
from models.console import Report
from models.datasets.catalogue import CATALOGUE
from models.datasets.dataset import Dataset
from models.manifest import Manifest


def export_run(
    run: Path,
    target: Path,
    *,
    name: str,
    precision: str,
    limit: int | None,
    least_agreement: float | None,
    added: Sequence[Dataset] = (),
    replace: bool,
    report: Report,
) -> Manifest:
    """Export with the figures that this machine can measure; `ModelError` when anything is off.

    `added` are sets beside those of the catalogue, as training had them.
    """
    data = places.seed_data()
    plan = Plan(
        target=target,
        name=name,
        precision=precision,
        data=data if data.is_dir() else None,
        sets=(*CATALOGUE, *added),
        limit=limit,
        least_agreement=least_agreement,
        replace=replace,
    )
    return export(run, plan, report=report)
