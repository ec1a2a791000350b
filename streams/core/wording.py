"""What an alert says to a person: one sentence with the numbers, one with what the rule saw."""

from typing import Final

from streams.core.rules import Breach
from streams.core.series import Series

_WHAT: Final = {
    ("news", "all"): "news",
    ("news", "source"): "news from {key}",
    ("news", "category"): "news in {key}",
    ("news", "entity"): "news about {key}",
    ("logs", "service"): "log lines of {key}",
    ("user", "action"): "{key} actions",
}

_DESCRIPTION: Final = {
    "volume_surge": "Far more events than in the windows before: {score:.1f} times their usual spread above the usual.",
    "sentiment_drop": "The mean sentiment (-1 to 1) lies {score:.1f} times the usual spread below that of the past.",
    "error_surge": "Far more errors than in the windows before: {score:.1f} times their usual spread above the usual.",
    "action_drop": "Next to nothing of what usually comes: {score:.1f} times their usual spread below the usual.",
}


def summary(rule: str, series: Series, *, found: Breach, seconds: int) -> str:
    """What happened, in one sentence."""
    what = _WHAT.get((series.kind, series.dimension), "{key}").format(key=series.key)
    span = "a minute" if seconds == 60 else f"{seconds} s"
    match rule:
        case "sentiment_drop":
            return f"Sentiment of {what} fell to {found.value:.2f}, {found.expected:.2f} expected"
        case "error_surge":
            return f"Errors of {series.key} rose to {found.value:.0f} in {span}, {_about(found.expected)} expected"
        case "action_drop":
            return f"{_upper(what)} fell to {found.value:.0f} in {span}, {_about(found.expected)} expected"
        case _:
            return f"{_upper(what)} rose to {found.value:.0f} in {span}, {_about(found.expected)} expected"


def description(rule: str, *, found: Breach) -> str:
    """What the rule saw."""
    return _DESCRIPTION.get(rule, "{score:.1f}").format(score=found.score)


def resolved(said: str, *, windows: int) -> str:
    """That it is over."""
    return f"Resolved after {windows} normal windows: {said}"


def _about(count: float) -> str:
    return "fewer than one" if 0 < count < 1 else f"{count:.0f}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
