"""The model cards say of the shipped bundles what their manifests say."""

import re
from pathlib import Path

import pytest

from models import manifest, registry

DOCS = Path(__file__).parents[2] / "docs" / "models"


@pytest.mark.parametrize("size", ["base", "small"])
def test_the_card_is_of_the_bundle_that_ships(size: str) -> None:
    card = (DOCS / f"{size}.md").read_text(encoding="utf-8")
    assert f"`{manifest.read(registry.SHIP[size]).name}`" in card


@pytest.mark.parametrize("size", ["base", "small"])
def test_the_card_gives_the_manifests_figures(size: str) -> None:
    found = manifest.read(registry.SHIP[size])
    text = (DOCS / f"{size}.md").read_text(encoding="utf-8")
    for name, figures in found.metrics.items():
        if name.startswith(("agreement", "largest")) or (size == "small" and name == "ours"):
            continue
        row = re.search(rf"^\| {name} \| \w+ \|(.*)\|$", text, re.MULTILINE)
        assert row is not None, name
        rows, accuracy, macro_f1, *_rest = (cell.split()[0] for cell in row[1].split("|"))
        assert rows == f"{figures['rows']:,.0f}"
        assert accuracy == f"{figures['accuracy']:.3f}"
        assert macro_f1 == f"{figures['macro_f1']:.3f}"


def test_the_card_gives_the_slices_of_the_evaluation() -> None:
    card, page = ((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("base", "evaluation"))
    sections = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    slices = re.findall(r"^\| ([\w-]+) (\| (?:entity|length|language) \| .+) \|$", card, re.MULTILINE)
    assert len(slices) > 10
    for name, row in slices:
        assert f"\n{row} | " in sections[name]


def test_the_decision_gives_the_agreement_of_what_ships() -> None:
    metrics = manifest.read(registry.SHIP["base"]).metrics
    text = (DOCS.parent / "decisions" / "0006-int8-near-fp32.md").read_text(encoding="utf-8")
    shipped = " ".join(text.partition("What ships")[2].partition("The first mean")[0].split())
    for head, share in metrics["agreement_with_fp32"].items():
        assert f"{head} {share:.4f} of {metrics['agreement_texts'][head]:,.0f}".replace(" 0.", " .") in shipped


def test_the_card_names_the_licence_of_all_data() -> None:
    text = (DOCS / "base.md").read_text(encoding="utf-8")
    assert all(one.licence in text for size in registry.SHIP.values() for one in manifest.read(size).data)


def test_the_small_one_is_taught_the_same_heads() -> None:
    base, small = (manifest.read(folder) for folder in registry.SHIP.values())
    assert small.labels == base.labels
    assert small.kinds == base.kinds
