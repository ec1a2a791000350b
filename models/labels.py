"""The labels that topics and tables promise, whatever bundle reads the texts."""

SENTIMENT = ("negative", "neutral", "positive")
SEVERITY = ("info", "warning", "error", "critical")
