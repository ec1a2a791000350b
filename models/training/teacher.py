"""What a trained network says of many texts: asked once, kept on disk, for a student to learn from."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from models.console import Report
from models.training import run_folder
from models.training.batches import padded
from models.training.network import Network

Halves = NDArray[np.float16]
PAD = 1
TOKENS = 4_096  # padded tokens at once


class Answers(msgspec.Struct, frozen=True):
    """Of each text the logits of all heads side by side, and the mean over its tokens that they were read from."""

    logits: Halves  # [texts, labels of all heads]
    pooled: Halves  # [texts, width]


def answers(
    network: Network, weights: Path, texts: Sequence[tuple[int, ...]], folder: Path, *, report: Report
) -> Answers:
    """The answers to these texts (token ids), from `folder` where the same weights were asked the same before.

    Raises:
        RunError: they cannot be kept there.
    """
    path = folder / f"answers-{_mark(weights, texts)}.npz"
    if path.is_file():
        with np.load(path) as kept:
            return Answers(kept["logits"], kept["pooled"])
    found = ask(network, texts, report=report)
    _keep(path, found)
    return found


def _keep(path: Path, found: Answers) -> None:
    part = path.with_suffix(f".part-{os.getpid()}")
    with run_folder.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                np.savez(file, logits=found.logits, pooled=found.pooled)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def ask(network: Network, texts: Sequence[tuple[int, ...]], *, report: Report) -> Answers:
    """Every text once, those of like length together."""
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    logits: list[Halves] = []
    pooled: list[Halves] = []
    done = 0
    while done < len(order):
        some = _next(texts, order, done)
        ids, mask = padded([texts[at] for at in some], pad=PAD)
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            mean = network.pooled(ids, mask).float()
        with torch.inference_mode():
            said = torch.cat([head(mean) for head in network.heads.values()], 1)
        logits.append(said.half().numpy())
        pooled.append(mean.half().numpy())
        done += len(some)
        report(done / len(order), f"{done:,} of {len(order):,} texts read by the teacher")
    back = np.argsort(order)
    return Answers(np.concatenate(logits)[back], np.concatenate(pooled)[back])


def _next(texts: Sequence[tuple[int, ...]], order: Sequence[int], start: int) -> Sequence[int]:
    """As many of the next texts as `TOKENS` holds when they are padded to the longest of them."""
    size = max(1, TOKENS // len(texts[order[start]]))
    longest = len(texts[order[min(start + size, len(order)) - 1]])
    return order[start : start + max(1, TOKENS // longest)]


def _mark(weights: Path, texts: Sequence[tuple[int, ...]]) -> str:
    """A hash of who was asked what."""
    total = hashlib.sha256(weights.read_bytes())
    for ids in texts:
        total.update(np.array([len(ids), *ids], np.int32).tobytes())
    return total.hexdigest()[:16]
