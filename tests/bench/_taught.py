"""Networks taught sentiment for a benchmark, and what they say of rows."""

import numpy as np
import torch

from models import heads
from models.console import progress
from models.datasets.dataset import Example
from models.text import prepare
from models.training import run_folder
from models.training.batches import Batch
from models.training.objective import tensors
from models.training.train import PAD, encoded, train

HEAD = "sentiment"
LABELS = heads.labels()[HEAD]
AT_ONCE = 64


def teach(name, material, beginning, recipe, folder):
    """A run in the folder, with a bar."""
    with progress(name) as report:

        def after(step):
            report(step.step / step.steps, f"loss {step.loss:.3f}, {step.rows / step.seconds:.0f} rows/s")

        train(material, beginning, recipe, folder, heads={HEAD: LABELS}, after=after)


def ask(folder, rows, *, max_length):
    """The probabilities (rows × labels) of a run, and the numbers of the rows' labels, in any order."""
    run, network, tokenizer_json = run_folder.load(folder)
    prepared = [Example(prepare(row.text), row.label) for row in rows]
    ((_, coded),) = encoded([(HEAD, prepared)], tokenizer_json, heads=run.heads, max_length=max_length)
    coded = sorted(coded, key=lambda row: len(row.ids))
    network.eval()
    found = []
    for at in range(0, len(coded), AT_ONCE):
        ids, mask, _ = tensors(Batch(HEAD, tuple(coded[at : at + AT_ONCE])), pad=PAD)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            found.append(network.head(HEAD, ids, mask).float().softmax(-1).numpy())
    return np.concatenate(found), np.array([row.label for row in coded])


def accuracy(shares, labels):
    return float((shares.argmax(1) == labels).mean())
