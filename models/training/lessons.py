"""What a student is taught: rows of token ids, what the teacher says of each, and the truth where it is known."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.console import Report
from models.datasets import unlabelled
from models.datasets.dataset import Dataset
from models.manifest import DataRecord
from models.text import PREFIX, prepare
from models.training import teacher
from models.training.batches import Row
from models.training.network import Network
from models.training.train import Material

UNKNOWN = -1


class Texts(msgspec.Struct, frozen=True):
    """Prepared texts, each once, and the rows over them: (text, head or "", label or "")."""

    texts: tuple[str, ...]
    rows: tuple[tuple[int, str, str], ...]
    records: tuple[DataRecord, ...]


class Lessons(msgspec.Struct, frozen=True):
    """Rows whose `label` is their own number, and by that number what is to be said of them."""

    rows: tuple[Row, ...]
    text: Tensor  # int64[rows]: where in `logits` and `pooled` its text is
    head: Tensor  # int64[rows]: the head whose truth is known, or UNKNOWN
    truth: Tensor  # int64[rows]
    logits: Tensor  # float16[texts, labels of all heads]
    pooled: Tensor  # float16[texts, width]


def collect(material: Material, sets: Sequence[Dataset], data: Path) -> Texts:
    """The training rows, and texts without labels beside them."""
    held_out = [row.text for one in sets for row in one.load(data).test]
    learnt = [text.removeprefix(PREFIX) for text in material.texts]
    more = unlabelled.gather(unlabelled.sources(data), data, held_out=held_out, learnt=learnt)
    return numbered(material, more.texts, more.records)


def numbered(material: Material, more: Sequence[str] = (), records: Sequence[DataRecord] = ()) -> Texts:
    """Every text once, with its number."""
    rows = [(row.text, head, row.label) for head, examples in material.tasks for row in examples]
    rows += [(prepare(text), "", "") for text in more]
    numbers: dict[str, int] = {}
    found = tuple((numbers.setdefault(text, len(numbers)), head, label) for text, head, label in rows)
    return Texts(tuple(numbers), found, (*material.records, *records))


def prepared(
    texts: Texts,
    network: Network,
    tokenizer_json: str,
    *,
    heads: dict[str, tuple[str, ...]],
    max_length: int,
    weights: Path,
    folder: Path,
    report: Report,
) -> Lessons:
    """The lessons: every text is read by the teacher (`network`, from `weights`), or was before."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    ids = [tuple(one.ids) for one in tokenizer.encode_batch_fast(list(texts.texts))]
    said = teacher.answers(network, weights, ids, folder, report=report)
    names = list(heads)
    return Lessons(
        rows=tuple(Row(ids[text], number) for number, (text, _head, _label) in enumerate(texts.rows)),
        text=torch.tensor([text for text, _head, _label in texts.rows]),
        head=torch.tensor([names.index(head) if head else UNKNOWN for _text, head, _label in texts.rows]),
        truth=torch.tensor([heads[head].index(label) if head else UNKNOWN for _text, head, label in texts.rows]),
        logits=torch.from_numpy(said.logits),
        pooled=torch.from_numpy(said.pooled),
    )
