"""From a model's reading of a text to what is kept of it.

Which heads answer for which kind of event is the bundle's to say. Four have fields of their own, which stay empty where
the bundle lacks the head or the kind has none; what any other head says is kept under its name.

How uncertain an event is, is said by the head that is least sure of it. The bundle says from which share of its first
label on a head counts as sure (`manifest.sure`, found on validation rows): there uncertainty is one half.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from models.reading import Reading
from streams.core.event import E4, Event, Findings, Said
from streams.topology import Kind

OWN_FIELDS: Final = frozenset(("sentiment", "category", "intent", "severity"))

Labels = Mapping[str, Sequence[str]]
Heads = Mapping[Kind, Sequence[str]]  # those that answer for a kind of event
Sure = Mapping[str, float]  # the least share of the first label with which an answer counts as sure
SURE: Final = 0.75  # of a head of which the bundle does not say it


def text_to_read(event: Event) -> str:
    """What the model sees: of a log line its template, so that equal lines are read once; empty if there is nothing."""
    return event.template if event.kind == "logs" else event.text


def findings_of(
    event: Event, reading: Reading | None, *, heads: Heads, labels: Labels, sure: Sure, model: str
) -> Findings:
    """What is kept of a reading; scores are rounded to ten-thousandths."""
    if reading is None:
        return Findings(model="")
    spoken = {head: reading.probabilities[head] for head in heads[event.kind]}
    named = {head: _likeliest(p, labels[head]) for head, p in spoken.items()}
    sentiment, _ = named.get("sentiment", ("", 0.0))
    category, category_score = named.get("category", ("", 0.0))
    severity, _ = named.get("severity", ("", 0.0))
    return Findings(
        model=model,
        sentiment=sentiment,
        sentiment_e4=_polarity_e4(spoken.get("sentiment"), labels.get("sentiment", ())),
        category=category,
        category_score=category_score,
        intent=named.get("intent", ("", 0.0))[0],
        severity=severity,
        severity_score=_sum_of(spoken.get("severity"), labels.get("severity", ()), ("warning", "error", "critical")),
        anomaly_score=_sum_of(spoken.get("severity"), labels.get("severity", ()), ("error", "critical")),
        uncertainty=max((_doubt(p, sure.get(head, SURE)) for head, p in spoken.items()), default=0.0),
        heads={head: Said(*said) for head, said in named.items() if head not in OWN_FIELDS},
    )


def _likeliest(probabilities: Sequence[float], labels: Sequence[str]) -> tuple[str, float]:
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    return labels[best], round(probabilities[best], 4)


def _polarity_e4(probabilities: Sequence[float] | None, labels: Sequence[str]) -> int:
    if probabilities is None:
        return 0
    of = dict(zip(labels, probabilities, strict=True))
    return round((of["positive"] - of["negative"]) * E4)


def _sum_of(probabilities: Sequence[float] | None, labels: Sequence[str], wanted: tuple[str, ...]) -> float:
    if probabilities is None:
        return 0.0
    chosen = sum(p for label, p in zip(labels, probabilities, strict=True) if label in wanted)
    return min(1.0, round(chosen, 4))


def _doubt(probabilities: Sequence[float], sure: float) -> float:
    """0 where the first label is certain, one half where it is just sure, 1 where no label is likelier than another."""
    first, even = max(probabilities), 1 / len(probabilities)
    if first >= sure:
        return round(0.5 * (1 - first) / (1 - sure), 4) if sure < 1 else 0.0
    return round(0.5 + 0.5 * (sure - first) / (sure - even), 4)
