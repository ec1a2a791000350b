"""Whether a bundle answers as the network that it was made from, and the same alone as in company."""

from collections.abc import Mapping, Sequence

import msgspec
import torch
from tokenizers import Tokenizer

from models.errors import ExportError
from models.reading import Reading
from models.runtime import Classifier
from models.text import prepare
from models.training.network import Network


class Parity(msgspec.Struct, frozen=True):
    """For one head the share of texts whose label is the network's, and the greatest difference in probability."""

    head: str
    texts: int
    agreement: float
    difference: float


def compare(
    classifier: Classifier, network: Network, tokenizer: Tokenizer, texts: Mapping[str, Sequence[str]]
) -> list[Parity]:
    """The bundle's readings against the network's in fp32, each head on texts of its own kind."""
    return [_compare(classifier, network, tokenizer, head, some) for head, some in texts.items()]


def _compare(classifier: Classifier, network: Network, tokenizer: Tokenizer, head: str, texts: Sequence[str]) -> Parity:
    same, worst = 0, 0.0
    for text, reading in zip(texts, classifier.classify(texts), strict=True):
        found, expected = reading.probabilities[head], _probabilities(network, tokenizer, head, text)
        same += found.index(max(found)) == expected.index(max(expected))
        worst = max(worst, *(abs(one - other) for one, other in zip(found, expected, strict=True)))
    return Parity(head, len(texts), round(same / len(texts), 4), round(worst, 4))


def _probabilities(network: Network, tokenizer: Tokenizer, head: str, text: str) -> list[float]:
    """The network's own, for one text by itself: padding is none of its business here."""
    ids = torch.tensor([tokenizer.encode(prepare(text)).ids])
    with torch.no_grad():
        shares: list[float] = network.head(head, ids, torch.ones_like(ids)).softmax(-1)[0].tolist()
    return shares


def require(seen: Sequence[Parity], *, least: float) -> None:
    """`ExportError` when a head agrees with the network on less than this share of its texts."""
    for one in seen:
        if one.agreement < least:
            shares = f"{one.agreement:.1%} of {one.texts} texts, less than {least:.1%}"
            msg = f"head {one.head} agrees with the network on {shares}"
            raise ExportError(msg)


def require_invariance(classifier: Classifier, texts: Sequence[str]) -> None:
    """`ExportError` when a text's reading depends on the texts beside it (the classifier must remember nothing)."""
    together: list[Reading] = classifier.classify(texts)
    for text, reading in zip(texts, together, strict=True):
        if classifier.classify([text]) != [reading]:
            msg = f"the answer for {text[:60]!r} depends on its company: the graph mixes the texts of a batch"
            raise ExportError(msg)
