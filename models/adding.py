"""The labelled texts that options such as `--add FILE:HEAD` name, as sets; what was left out of them is said."""

from collections.abc import Sequence

import typer

from models import heads
from models.datasets import own
from models.datasets.dataset import Dataset
from models.datasets.labelled import Fields


def sets(given: Sequence[str], *, text: str, label: str, measured: bool = False) -> list[Dataset]:
    """One set for each FILE:HEAD, to be measured on or to learn from; `DatasetError` where one is none."""
    fields, made = Fields(text, label), []
    for one in given:
        some, found = own.to_measure(one, fields) if measured else own.to_learn(one, fields, heads.labels())
        for remark in found.remarks:
            typer.echo(f"{some.source}: {remark}", err=True)
        made.append(some)
    return own.told_apart(made)
