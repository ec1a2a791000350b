"""The model card says of the shipped bundle what its manifest says."""

import re
from pathlib import Path

from models import manifest

CARD = Path(__file__).parents[2] / "docs" / "models" / "base.md"


def test_the_card_is_of_the_bundle_that_ships(shipped: Path) -> None:
    assert f"`{manifest.read(shipped).name}`" in CARD.read_text(encoding="utf-8").splitlines()[0]


def test_the_card_gives_the_manifests_figures(shipped: Path) -> None:
    found = manifest.read(shipped)
    text = CARD.read_text(encoding="utf-8")
    for one in found.data:
        assert one.licence in text
        if one.name not in found.metrics:  # it has no held-out rows
            continue
        figures = found.metrics[one.name]
        row = re.search(rf"^\| {one.name} \| {one.head} \|(.*)\|$", text, re.MULTILINE)
        assert row is not None, one.name
        rows, accuracy, macro_f1, *_speed = (cell.strip() for cell in row[1].split("|"))
        assert rows == f"{figures['rows']:,.0f}"
        assert accuracy == f"{figures['accuracy']:.3f}"
        assert macro_f1 == f"{figures['macro_f1']:.3f}"
