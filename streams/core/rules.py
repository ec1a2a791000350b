"""The rules: when is a closed window of a series worth an alert?

Each rule is a pure function of the window and of the series' own past: the windows before it, oldest first, those
without events among them as zeros, those of the series' latest incident and of its cool-downs left out. A rule wants
three things at once: enough events to speak of, a distance from the usual that noise does not reach (`z`), and a
change that matters to a person (a ratio). docs/alerts.md says the same for users.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Final

import msgspec

from streams.core.baseline import of_counts, spread
from streams.core.event import E4
from streams.core.series import MergedWindow

Past = Sequence[MergedWindow]


class Limits(msgspec.Struct, frozen=True):
    """The thresholds of all rules and the life of an alert, with the defaults that docs/alerts.md gives reasons for."""

    history: int = 60  # windows that make a baseline
    min_history: int = 8  # windows without which nothing is judged
    calm_windows: int = 3  # normal windows in a row that resolve an alert
    cooldown_ms: int = 600_000  # event time after an incident in which the same fingerprint stays silent
    worse: float = 2.0  # a firing alert is told again when its score has grown by this factor
    critical: float = 2.0  # a score of this many times the threshold is critical

    surge_z: float = 6.0
    surge_ratio: float = 3.0  # of the usual
    surge_tail: float = 1.5  # of what nine in ten windows stay under
    surge_min_events: int = 10

    error_z: float = 6.0
    error_ratio: float = 3.0
    error_min_errors: int = 5
    error_share_growth: float = 1.5  # more errors because of more traffic are no error surge
    error_share_rise: float = 0.2  # absolute, for a service that fails while its traffic does not grow
    error_share_min_events: int = 20

    sentiment_z: float = 3.5
    sentiment_fall: float = 0.35  # absolute, of a mean in -1..1
    sentiment_min_events: int = 6
    sentiment_min_past: int = 20  # events with a sentiment in the past

    drop_z: float = 3.5  # with a Poisson's scale: nothing under 13 a window can drop
    drop_share: float = 0.2  # of the usual, at most


class Breach(msgspec.Struct, frozen=True):
    """What a rule found: the value, what was expected, and how many scales apart they are (at least the threshold)."""

    value: float
    expected: float
    score: float


def volume_surge(now: MergedWindow, past: Past, limits: Limits) -> Breach | None:
    """Far more events than usual."""
    usual = of_counts([window.events for window in past])
    score = usual.z(now.events)
    floor = max(limits.surge_ratio * usual.median, limits.surge_tail * usual.tail, limits.surge_min_events)
    if now.events < floor or score < limits.surge_z:
        return None
    return Breach(now.events, usual.median, score)


def error_surge(now: MergedWindow, past: Past, limits: Limits) -> Breach | None:
    """Far more errors than usual, or a far greater share of errors."""
    found = [breach for breach in (_more_errors(now, past, limits), _greater_share(now, past, limits)) if breach]
    return max(found, key=lambda breach: breach.score, default=None)


def _more_errors(now: MergedWindow, past: Past, limits: Limits) -> Breach | None:
    usual = of_counts([window.errors for window in past])
    score = usual.z(now.errors)
    floor = max(limits.error_ratio * usual.median, limits.surge_tail * usual.tail, limits.error_min_errors)
    events, errors = sum(window.events for window in past), sum(window.errors for window in past)
    share_grew = now.errors * events >= limits.error_share_growth * errors * now.events
    if now.errors < floor or score < limits.error_z or not share_grew:
        return None
    return Breach(now.errors, usual.median, score)


def _greater_share(now: MergedWindow, past: Past, limits: Limits) -> Breach | None:
    if now.events < limits.error_share_min_events:
        return None
    events, errors = sum(window.events for window in past), sum(window.errors for window in past)
    if events < limits.error_share_min_events:
        return None
    usual = (errors + 1) / (events + 2)  # never 0 or 1: there is always a scale
    rise = now.errors / now.events - usual
    score = rise / sqrt(usual * (1 - usual) / now.events)
    if rise < limits.error_share_rise or score < limits.error_z:
        return None
    return Breach(now.errors, usual * now.events, score)


def sentiment_drop(now: MergedWindow, past: Past, limits: Limits) -> Breach | None:
    """A mean sentiment far below what the series usually has, counting that few events stray more than many."""
    counted_past = sum(_counted(window) for window in past)
    if counted_past < limits.sentiment_min_past:
        return None
    usual = sum(window.sentiment_sum_e4 for window in past) / E4 / counted_past
    value = _mean(now)
    if usual - value < limits.sentiment_fall:
        return None
    coloured = sum(window.negative + window.positive for window in past) / counted_past
    variance = max(coloured - usual * usual, 0.1)
    means = [_mean(window) for window in past if _counted(window) >= limits.sentiment_min_events]
    wander = spread(means) if len(means) >= limits.min_history else 0.0
    score = (usual - value) / max(sqrt(variance / _counted(now)), wander)
    if score < limits.sentiment_z:
        return None
    return Breach(value, usual, score)


def action_drop(now: MergedWindow, past: Past, limits: Limits) -> Breach | None:
    """Next to nothing of what usually comes."""
    usual = of_counts([window.events for window in past])
    score = -usual.z(now.events)
    if now.events > limits.drop_share * usual.median or score < limits.drop_z:
        return None
    return Breach(now.events, usual.median, score)


def _counted(window: MergedWindow) -> int:
    return window.negative + window.neutral + window.positive


def _mean(window: MergedWindow) -> float:
    return window.sentiment_sum_e4 / E4 / _counted(window)


class Rule(msgspec.Struct, frozen=True):
    """A rule, what it watches, and a cheap look that spares most windows the judgement."""

    name: str
    watches: frozenset[tuple[str, str]]  # (kind, dimension)
    judge: Callable[[MergedWindow, Past, Limits], Breach | None]
    worth: Callable[[MergedWindow, Limits], bool]
    threshold: Callable[[Limits], float]
    # Events that are still on their way can only make a surge greater, but they undo a drop: it waits until they came.
    patient: bool = False
    # They may undo a mean or a share as well: where all partitions are silent, it waits until the window is over.
    whole: bool = False


_NEWS: Final = frozenset(("news", dimension) for dimension in ("all", "source", "category", "entity"))

RULES: Final = (
    Rule(
        name="volume_surge",
        watches=_NEWS | {("logs", "service"), ("user", "action")},
        judge=volume_surge,
        worth=lambda now, limits: now.events >= limits.surge_min_events,
        threshold=lambda limits: limits.surge_z,
    ),
    Rule(
        name="sentiment_drop",
        watches=_NEWS,
        judge=sentiment_drop,
        worth=lambda now, limits: _counted(now) >= max(limits.sentiment_min_events, 1),
        threshold=lambda limits: limits.sentiment_z,
        whole=True,
    ),
    Rule(
        name="error_surge",
        watches=frozenset({("logs", "service")}),
        judge=error_surge,
        worth=lambda now, limits: now.errors >= limits.error_min_errors,
        threshold=lambda limits: limits.error_z,
        whole=True,
    ),
    Rule(
        name="action_drop",
        watches=frozenset({("user", "action")}),
        judge=action_drop,
        worth=lambda _now, _limits: True,
        threshold=lambda limits: limits.drop_z,
        patient=True,
    ),
)

# Which rules watch a (kind, dimension); what is not here needs no memory.
WATCH: Final = {at: tuple(rule for rule in RULES if at in rule.watches) for rule in RULES for at in rule.watches}
