"""From rounds to the rows of a table: medians and spread, and each round's ratio with who was next to it."""

import statistics

import msgspec

from tests.bench._report import spread


class Entrant(msgspec.Struct):
    """One who races: what it is called, the least that we want to be faster than it, and what it did."""

    name: str
    bar: float = 0.0  # none
    rates: list[float] = []  # texts or events a second, one a round
    spent_ms: list[float] = []  # of the processor for each of them, its waiting for the other thread included
    agrees: float | None = None  # share of labels that are as ours, where there are labels

    def ran(self, count: int, *, seconds: float, processor_s: float) -> None:
        """One round more, of so many texts or events."""
        self.rates.append(count / seconds)
        self.spent_ms.append(1_000 * processor_s / count)


def rows(race: str, ours: Entrant, others: list[Entrant]) -> list[dict[str, str]]:
    """Ours first, then each of the others beside it; all of them ran in every round."""
    return [_row(race, ours, ours), *(_row(race, ours, other) for other in others)]


def share(found: list[str], expected: list[str]) -> float:
    """How many are equal, as a share of all."""
    return sum(one == other for one, other in zip(found, expected, strict=True)) / len(expected)


def _row(race: str, ours: Entrant, one: Entrant) -> dict[str, str]:
    ratios = [mine / other for mine, other in zip(ours.rates, one.rates, strict=True)]
    return {
        "race": race,
        "who": one.name,
        "a second": spread(one.rates),
        "Pulsewire against it": "" if one is ours else spread(ratios, "{:.2f}"),
        "processor ms each": spread(one.spent_ms, "{:.3g}") if one.spent_ms else "",
        "bar": _bar(one.bar, ratios),
        "labels as ours": "" if one.agrees is None else f"{one.agrees:.3f}",
    }


def _bar(bar: float, ratios: list[float]) -> str:
    if not bar:
        return ""
    return f"{bar:g}, {'met' if statistics.median(ratios) >= bar else 'missed'}"
