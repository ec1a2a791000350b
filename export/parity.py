"""Whether a bundle answers as the network that it was made from, and the same alone as in company.

Two steps, since torch reads a text at a time and there are thousands: the graph in fp32 gives torch's numbers on a few
texts, and the bundle gives the labels of that graph on all of them.
"""

import math
import random
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import onnxruntime as ort
import torch

from export.probes import PROBES
from models.bound import Bound
from models.calibration import tempered
from models.console import Report
from models.errors import ExportError
from models.packing import STEP, padded
from models.runtime import Classifier
from models.text import prepare
from models.training.network import Network

SAME = 1e-3  # in a probability: torch and ONNX Runtime add in different orders
CALL = 256  # texts a call
COMPANIES = 200
COMPANY = 6  # texts at most
PADDINGS = 800  # runs of the graph itself, which the runtime would not make
FURTHER = 24  # steps of padding beyond a text's own
NEARLY = 1e-5  # in a probability: other lengths are added up in other orders


class Parity(msgspec.Struct, frozen=True):
    """For one head the share of texts whose label is the fp32 graph's, and the greatest difference in probability."""

    head: str
    texts: int
    agreement: float
    difference: float


def compare(
    found: Classifier, exact: Classifier, texts: Mapping[str, Sequence[str]], *, report: Report
) -> list[Parity]:
    """One classifier's readings against another's of the same network, each head on texts of its own kind."""
    total, done, seen = sum(map(len, texts.values())), 0, []
    for head, some in texts.items():
        same, worst = 0, 0.0
        for start in range(0, len(some), CALL):
            call = some[start : start + CALL]
            for one, other in zip(found.classify(call), exact.classify(call), strict=True):
                shares, expected = one.probabilities[head], other.probabilities[head]
                same += shares.index(max(shares)) == expected.index(max(expected))
                worst = max(worst, _apart(shares, expected))
            done += len(call)
            report(done / total, f"{head} against fp32")
        seen.append(Parity(head, len(some), round(same / len(some), 4), round(worst, 4)))
    return seen


def require(seen: Sequence[Parity], *, least: float, few: bool = False) -> None:
    """`ExportError`, with every such head, when one agrees with the network on less than this share of its texts.

    With `few` of them chance is allowed for, see `bar`.
    """
    if low := [one for one in seen if one.agreement < (bar(least, one.texts) if few else least)]:
        heads = ", ".join(f"{one.head} ({one.agreement:.2%} of {one.texts:,} texts)" for one in low)
        msg = (
            f"less than {least:.2%} of the labels are the network's: {heads}: nothing was written; see --min-agreement"
        )
        raise ExportError(msg)


def bar(least: float, texts: int) -> float:
    """The share below which so few texts say that it is not `least` of all: three standard errors.

    Of 24 texts one may have another label where .99 of all are to agree, and none where .999 are.
    """
    return least - 3 * math.sqrt(least * (1 - least) / texts)


def require_network(exact: Classifier, network: Network) -> None:
    """`ExportError` when the fp32 graph gives other probabilities than torch."""
    for text, reading in zip(PROBES, exact.classify(PROBES), strict=True):
        for head, shares in _probabilities(exact, network, text).items():
            if (apart := _apart(reading.probabilities[head], shares)) > SAME:
                msg = f"head {head} of the graph is {apart:.4f} off the network for {text[:60]!r}: nothing was written"
                raise ExportError(msg)


def require_invariance(classifier: Classifier, texts: Sequence[str]) -> None:
    """`ExportError` when a text's reading depends on the texts beside it (the classifier must remember nothing).

    Each of the texts keeps many companies: of other lengths, in other orders, at other places.
    """
    chance = random.Random(0)  # noqa: S311 - companies, not secrets
    alone = {text: classifier.classify([text])[0] for text in texts}
    for number in range(COMPANIES):
        text = texts[number % len(texts)]
        company = [*chance.choices(texts, k=chance.randint(1, COMPANY)), text]
        chance.shuffle(company)
        if classifier.classify(company)[company.index(text)] != alone[text]:
            msg = f"the answer for {text[:60]!r} depends on its company: the graph mixes the texts of a batch"
            raise ExportError(msg)


def require_padding(session: ort.InferenceSession, classifier: Classifier, texts: Sequence[str]) -> None:
    """`ExportError` when the graph reads a text otherwise among others, padded further than the runtime pads it."""
    chance, manifest = random.Random(0), classifier.manifest  # noqa: S311 - companies, not secrets
    bound = Bound(session, manifest, tokens=(COMPANY + 1) * padded(manifest.max_length))
    ids = [classifier.tokenizer.encode(prepare(text)).ids for text in texts]

    def shares(rows: Sequence[Sequence[int]], length: int, at: int) -> list[list[float]]:
        logits = zip(manifest.labels, bound.run(rows, length), strict=True)
        exact = ((manifest.temperatures.get(head, 1.0), one[[at]].astype(np.float64)) for head, one in logits)
        return [tempered(one, heat)[0].tolist() for heat, one in exact]

    alone = [shares([one], padded(len(one)), 0) for one in ids]
    for number in range(PADDINGS):
        mine = number % len(ids)
        length = min(padded(len(ids[mine])) + STEP * chance.randint(0, FURTHER), padded(manifest.max_length))
        rows = [one[:length] for one in chance.choices(ids, k=chance.randint(0, COMPANY))]
        place = chance.randint(0, len(rows))
        found = shares([*rows[:place], ids[mine], *rows[place:]], length, place)
        if any(_apart(one, other) > NEARLY for one, other in zip(found, alone[mine], strict=True)):
            msg = f"the answer for {texts[mine][:60]!r} depends on its padding: the graph reads what is masked"
            raise ExportError(msg)


def _probabilities(exact: Classifier, network: Network, text: str) -> dict[str, tuple[float, ...]]:
    """The network's own, for one text by itself: padding is none of its business here."""
    ids = torch.tensor([exact.tokenizer.encode(prepare(text)).ids])
    with torch.no_grad():
        logits = dict(zip(exact.manifest.labels, network(ids, torch.ones_like(ids)), strict=True))
    heats = exact.manifest.temperatures
    return {head: tuple((one / heats.get(head, 1.0)).softmax(-1)[0].tolist()) for head, one in logits.items()}


def _apart(found: Sequence[float], expected: Sequence[float]) -> float:
    return max(abs(one - other) for one, other in zip(found, expected, strict=True))
