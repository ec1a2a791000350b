"""Severity of real lines that a running service wrote with a level of its own (Loghub). Only measured on.

1. A template counts once for each level that it was written at, however many lines there are: its first line stands
   for it. The level is no part of the text.
2. Such lines hold few errors. So what is told apart here is a warning or worse from the rest.
"""

from pathlib import Path

from models.datasets import tables
from models.datasets.dataset import Dataset, Example, Split
from models.errors import DatasetError
from models.heads import Choice

SYSTEMS = ("Apache", "HDFS", "Hadoop", "OpenStack")  # OpenSSH and Linux write no level
FILES = tuple(f"logs_loghub/{system}_2k.log_structured.csv" for system in SYSTEMS)
LEVELS = {
    "notice": "info",
    "INFO": "info",
    "WARN": "warning",
    "WARNING": "warning",
    "error": "error",
    "ERROR": "error",
    "FATAL": "critical",
}


def read(data: Path) -> Split:
    rows = [row for system, name in zip(SYSTEMS, FILES, strict=True) for row in _templates(data / name, system)]
    return Split((), tuple(rows))


def _templates(path: Path, system: str) -> list[Example]:
    first: dict[tuple[str, str], Example] = {}
    for line in tables.read(path, ("EventTemplate", "Level", "Content")):
        key = line["EventTemplate"], line["Level"]
        if line["Level"] not in LEVELS:
            msg = f"{path} has the level {line['Level']!r}, which is none of {', '.join(LEVELS)}: is it the right file?"
            raise DatasetError(msg)
        first.setdefault(key, Example(line["Content"], LEVELS[line["Level"]], system))
    return list(first.values())


LOGHUB = Dataset(
    name="loghub",
    head="severity",
    licence="free for research",
    source="Loghub, Zhu et al. 2023",
    files=FILES,
    read=read,
    choice=Choice(high=("warning", "error", "critical"), low=("info",)),
)
