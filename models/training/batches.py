"""Batches of one task each, of texts of like length, in a repeatable shuffled order."""

import random
from collections.abc import Sequence

import msgspec
import torch
from torch import Tensor

POOL = 40  # batches that are sorted by length together: less padding, still shuffled


class Row(msgspec.Struct, frozen=True):
    """A text as token ids (not padded) and the number of its label."""

    ids: tuple[int, ...]
    label: int


class Batch(msgspec.Struct, frozen=True):
    head: str
    rows: tuple[Row, ...]


def batches(tasks: Sequence[tuple[str, Sequence[Row]]], *, size: int, seed: int) -> list[Batch]:
    """Every row of every (head, rows) once, `size` a batch."""
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    made = [Batch(head, rows) for head, all_rows in tasks for rows in _buckets(all_rows, size=size, chance=chance)]
    chance.shuffle(made)
    return made


def _buckets(rows: Sequence[Row], *, size: int, chance: random.Random) -> list[tuple[Row, ...]]:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    buckets = []
    for start in range(0, len(shuffled), size * POOL):
        pool = sorted(shuffled[start : start + size * POOL], key=lambda row: len(row.ids))
        buckets += [tuple(pool[at : at + size]) for at in range(0, len(pool), size)]
    return buckets


def padded(rows: Sequence[Sequence[int]], *, pad: int) -> tuple[Tensor, Tensor]:
    """Ids and mask, int64[rows, longest]."""
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), pad)
    mask = torch.zeros((len(rows), longest), dtype=torch.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return ids, mask
