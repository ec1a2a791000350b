"""docs/alerts.md names every rule and every threshold with its default."""

import re
from pathlib import Path

from streams.core.rules import RULES, Limits

TEXT = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()


def test_every_threshold_is_documented_with_its_default():
    cells = dict(re.findall(r"\| `(\w+)` \| ([\d.]+) ", TEXT))
    assert cells == {name: str(getattr(Limits(), name)) for name in Limits.__struct_fields__}


def test_every_rule_is_documented_with_what_it_watches():
    for rule in RULES:
        line = next(line for line in TEXT.splitlines() if line.startswith(f"| `{rule.name}` |"))
        watched = line.split("|")[2]
        assert all(kind in watched and f"`{dimension}`" in watched for kind, dimension in rule.watches)
