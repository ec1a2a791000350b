"""Severity of log statements: what 50 code bases say, at the level that their programmers gave it.

1. The split is by project, for validation, too: a template that any held-out project also has is not trained on.
2. A value that the program fills in stands as `<*>`. Real lines hold values, so half of the training rows get some;
   test rows keep the placeholder.
3. The rows are capped per label, because info and error would else drown warning and critical.
4. One training row in ten gets its level's name in front, as many programs print it; test rows never.
"""

import gzip
import random
import zlib
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

from models.datasets.dataset import Dataset, Example, Split
from models.errors import DatasetError

FILES = ("logs_severity/statements.jsonl.gz",)
# Whole projects, measured in three parts of three.
HELD_OUT = {
    "nginx/nginx": "nginx, nova, kafka",
    "openstack/nova": "nginx, nova, kafka",
    "apache/kafka": "nginx, nova, kafka",
    "apache/zookeeper": "zookeeper, ironic, tikv",
    "openstack/ironic": "zookeeper, ironic, tikv",
    "tikv/tikv": "zookeeper, ironic, tikv",
    "etcd-io/etcd": "etcd, TBase, accumulo",
    "Tencent/TBase": "etcd, TBase, accumulo",
    "apache/accumulo": "etcd, TBase, accumulo",
}
# One in Java, one in Go, one in C
VALIDATION = frozenset({"apache/storm", "influxdata/telegraf", "valkey-io/valkey"})
TRAIN_ROWS_PER_LABEL = {"info": 16_000, "warning": 9_000, "error": 14_000, "critical": 3_000}
NAMED = 0.1  # of the training rows
NAMES = {
    "info": ("INFO", "info", "DEBUG", "notice"),
    "warning": ("WARN", "WARNING", "warn"),
    "error": ("ERROR", "error", "ERR"),
    "critical": ("FATAL", "CRITICAL", "panic", "EMERG"),
}
PREFIXES = ("{} ", "[{}] ", "{}: ", "level={} msg=", "12:00:07.113 {} [main] ", "<{}> ")

TEST_ROWS = 4_000


class Statement(msgspec.Struct, frozen=True):
    """One row of the file: a template, its level, and every project that has it."""

    text: str
    level: Literal["debug", "info", "warning", "error", "critical"]
    project: str
    projects: dict[str, int] | list[str] = []

    @property
    def label(self) -> str:
        return "info" if self.level == "debug" else self.level

    @property
    def held_out(self) -> bool:
        return not HELD_OUT.keys().isdisjoint({self.project, *self.projects})

    @property
    def learnt(self) -> bool:
        return not self.held_out and VALIDATION.isdisjoint({self.project, *self.projects})


def read(data: Path) -> Split:
    statements = _statements(data / FILES[0])
    random.Random(0).shuffle(statements)  # noqa: S311 - a sample, not a secret
    held = [one for one in statements if one.project in HELD_OUT][:TEST_ROWS]
    test = [Example(one.text, one.label, one.project, HELD_OUT[one.project]) for one in held]
    chosen = [one for one in statements if one.project in VALIDATION and not one.held_out]
    chance = random.Random(5)  # noqa: S311 - values, not secrets
    validation = [Example(_with_values(one.text, chance), one.label, one.project) for one in chosen]
    return Split(tuple(_capped(statements)), tuple(test), tuple(validation))


def lines(data: Path) -> list[str]:
    """Every statement to learn from, its level untold, some with values filled in."""
    chance = random.Random(4)  # noqa: S311 - values, not secrets
    return [_with_values(one.text, chance) for one in _statements(data / FILES[0]) if one.learnt]


def _statements(path: Path) -> list[Statement]:
    decoder = msgspec.json.Decoder(Statement)
    try:
        with gzip.open(path) as lines:
            return [decoder.decode(line) for line in lines]
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, msgspec.MsgspecError) as error:
        msg = f"{path} cannot be read ({error}): fetch it again"
        raise DatasetError(msg) from error


def _capped(statements: list[Statement]) -> list[Example]:
    chance = random.Random(1)  # noqa: S311
    taken: Counter[str] = Counter()
    rows = []
    for one in statements:
        if not one.learnt or taken[one.label] >= TRAIN_ROWS_PER_LABEL[one.label]:
            continue
        taken[one.label] += 1
        rows.append(Example(_with_values(one.text, chance), one.label))
    return rows


def views(row: Example, chance: random.Random) -> tuple[Example, ...]:
    """The row, now and then with its level's name in front."""
    if chance.random() >= NAMED:
        return (row,)
    prefix = chance.choice(PREFIXES).format(chance.choice(NAMES[row.label]))
    return (Example(prefix + row.text, row.label),)


def _with_values(template: str, chance: random.Random) -> str:
    if chance.random() < 0.5:
        return template
    head, *rest = template.split("<*>")
    return head + "".join(_value(chance) + part for part in rest)


def _value(chance: random.Random) -> str:
    """Something a program would print there: a number, an address, a path, a name, an id."""
    number = chance.randrange(10 ** chance.randint(1, 6))
    byte = number % 256
    shapes = (
        f"{number}",
        f"10.0.{byte}.{number % 250}:{1024 + number % 9000}",
        f"/var/lib/node-{byte}/data",
        f"worker-{byte}",
        f"{number:08x}",
        f"{number % 1000}ms",
        f"orders-{byte % 12}",
    )
    return chance.choice(shapes)


LOG_SEVERITY = Dataset(
    name="log-severity",
    head="severity",
    licence="Apache-2.0, MIT, BSD-2-Clause, BSD-3-Clause, PostgreSQL",
    source="log statements of 50 source trees",
    files=FILES,
    read=read,
    once=True,  # what holds for these projects alone is soon learnt by heart: each pass more costs on unseen ones
    views=views,
)
