"""The labels that topics and tables promise, whatever bundle reads the texts."""

SENTIMENT = ("negative", "neutral", "positive")
SEVERITY = ("info", "warning", "error", "critical")
KINDS = ("news", "logs", "user")  # of events
SPEAKS = ("news", "user")  # for which kinds a head answers where nothing else is said: for what people write
