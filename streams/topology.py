"""The names of topics, kinds and dimensions. Users' code rests on them: see docs/contract."""

from typing import Final, Literal

Kind = Literal["news", "logs", "user"]
At = tuple[str, int]  # (topic, partition)
KINDS: Final[tuple[Kind, ...]] = ("news", "logs", "user")

RAW: Final[dict[Kind, str]] = {"news": "news.raw", "logs": "logs.raw", "user": "user.events"}
SCORED: Final[dict[Kind, str]] = {"news": "news.scored", "logs": "logs.scored", "user": "user.scored"}
DLQ: Final[dict[str, str]] = {topic: f"{topic}.dlq" for topic in RAW.values()}
KIND_OF: Final[dict[str, Kind]] = {topic: kind for kind, topic in RAW.items()}

WINDOWS: Final = "windows"
ALERTS: Final = "alerts"
SAMPLES: Final = "samples"

# What a window of each kind is broken down by, besides 'all'. An empty key is no series. 'head' has the
# labels of heads without a column of their own, as `head: label`.
DIMENSIONS: Final[dict[Kind, tuple[str, ...]]] = {
    "news": ("all", "source", "category", "entity", "lang", "head"),
    "logs": ("all", "source", "service", "template", "head"),
    "user": ("all", "action", "lang", "head"),
}

DAY_MS: Final = 86_400_000
MEBI: Final = 1_048_576
MAX_MESSAGE_BYTES: Final = 16 * MEBI  # so that a record too large for us still reaches its DLQ whole

_KEPT = {"retention.ms": str(7 * DAY_MS), "max.message.bytes": str(MAX_MESSAGE_BYTES)}
# The broker's own stamp: a producer's clock can neither have its events deleted early nor excuse a time in the future
_STAMPED = {"message.timestamp.type": "LogAppendTime"}
# Keys without number would fill the broker's disk if a series that is silent were kept for good: the table has it
_COMPACTED = {"cleanup.policy": "compact,delete"}


def topics() -> dict[str, dict[str, str]]:
    """Each topic of ours with its settings."""
    raw = dict.fromkeys(RAW.values(), _KEPT | _STAMPED)
    others = [*SCORED.values(), *DLQ.values(), ALERTS, SAMPLES]
    return raw | {name: dict(_KEPT) for name in others} | {WINDOWS: _KEPT | _COMPACTED}
