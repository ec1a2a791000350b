"""Whether a bundle answers as the network that it was made from, and the same alone as in company."""

from collections.abc import Sequence

import msgspec
import torch
from tokenizers import Tokenizer

from models.errors import ExportError
from models.reading import Reading
from models.runtime import Classifier
from models.text import prepare
from models.training.network import Network

CALL = 32


class Parity(msgspec.Struct, frozen=True):
    """For each head the share of texts whose label is the network's own, and the greatest difference in probability."""

    texts: int
    agreement: dict[str, float]
    difference: dict[str, float]


def compare(classifier: Classifier, network: Network, tokenizer: Tokenizer, texts: Sequence[str]) -> Parity:
    """The bundle's readings against the network's in fp32."""
    heads = list(classifier.manifest.labels)
    same, worst = dict.fromkeys(heads, 0), dict.fromkeys(heads, 0.0)
    readings = classifier.classify(texts)
    for start in range(0, len(texts), CALL):
        expected = _probabilities(network, tokenizer, texts[start : start + CALL])
        for head, rows in zip(heads, expected, strict=True):
            for reading, row in zip(readings[start : start + CALL], rows, strict=True):
                found = reading.probabilities[head]
                same[head] += found.index(max(found)) == row.index(max(row))
                worst[head] = max(worst[head], *(abs(one - other) for one, other in zip(found, row, strict=True)))
    agreement = {head: round(count / len(texts), 4) for head, count in same.items()}
    return Parity(len(texts), agreement, {head: round(value, 4) for head, value in worst.items()})


def _probabilities(network: Network, tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[list[float]]]:
    """[head][text][label], each text by itself: padding is none of the network's business here."""
    rows = []
    with torch.no_grad():
        for encoding in tokenizer.encode_batch_fast([prepare(text) for text in texts]):
            ids = torch.tensor([encoding.ids])
            rows.append([logits.softmax(-1)[0].tolist() for logits in network(ids, torch.ones_like(ids))])
    return [list(per_head) for per_head in zip(*rows, strict=True)]


def require(parity: Parity, *, least: float) -> None:
    """`ExportError` when a head agrees with the network on less than this share of the texts."""
    for head, share in parity.agreement.items():
        if share < least:
            msg = f"head {head} agrees with the network on {share:.1%} of {parity.texts} texts, less than {least:.1%}"
            raise ExportError(msg)


def require_invariance(classifier: Classifier, texts: Sequence[str]) -> None:
    """`ExportError` when a text's reading depends on the texts beside it (the classifier must remember nothing)."""
    together: list[Reading] = classifier.classify(texts)
    for text, reading in zip(texts, together, strict=True):
        if classifier.classify([text]) != [reading]:
            msg = f"the answer for {text[:60]!r} depends on its company: the graph mixes the texts of a batch"
            raise ExportError(msg)
