"""Every metric by name. Users' dashboards rest on these: see docs/operations.md."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

# events by what became of them: stored, rejected (to the DLQ)
EVENTS = Counter("pulsewire_events", "Events read", ("kind", "outcome"))
# events in a partition that are not acknowledged yet
LAG = Gauge("pulsewire_lag", "Events not yet acknowledged", ("topic", "partition"))
# from the broker's time stamp to stored
EVENT_SECONDS = Histogram("pulsewire_event_seconds", "From the broker's time stamp to stored", buckets=_SECONDS)
# one call of the classifier for one batch
INFERENCE_SECONDS = Histogram("pulsewire_inference_seconds", "One batch through the classifier", buckets=_SECONDS)
# tokens of one batch, without padding
BATCH_TOKENS = Histogram(
    "pulsewire_batch_tokens", "Tokens of one batch", buckets=(64, 256, 1_024, 4_096, 16_384, 65_536)
)
# store and produce, per batch
FLUSH_SECONDS = Histogram("pulsewire_flush_seconds", "Store and produce one batch", buckets=_SECONDS)
# alerts sent, by rule and status
ALERTS = Counter("pulsewire_alerts", "Alerts sent", ("rule", "status"))
# events sent to a dead-letter topic, by code
DLQ = Counter("pulsewire_dlq", "Events sent to a dead-letter topic", ("topic", "error"))
# times that a transport was away and the worker waited
WAITS = Counter("pulsewire_waits", "Waits for a transport that is away", ("hop",))

# texts that the classifier had an answer for, and those that it had to read
CACHE = Counter("pulsewire_cache", "Texts asked of the memory of answers", ("outcome",))


def remembered(hits: int, misses: int) -> None:
    """So many texts were known, so many were not."""
    CACHE.labels("hit").inc(hits)
    CACHE.labels("miss").inc(misses)


__all__ = [
    "ALERTS", "BATCH_TOKENS", "CACHE", "DLQ", "EVENTS", "EVENT_SECONDS", "FLUSH_SECONDS", "INFERENCE_SECONDS", "LAG",
    "REGISTRY", "WAITS", "remembered",
]  # fmt: skip
