-- A row is the aggregate of every event of its partition, window and key up to last_offset: the later row replaces the earlier.
CREATE TABLE IF NOT EXISTS windows
(
    window_start   DateTime64(3, 'UTC'),
    window_seconds UInt32,
    kind           LowCardinality(String),
    dimension      LowCardinality(String),
    key            String,
    topic          LowCardinality(String),
    partition      UInt32,
    events         UInt64,
    negative       UInt64,
    neutral        UInt64,
    positive       UInt64,
    sentiment_sum  Decimal(18, 4),
    anomalies      UInt64,
    anomaly_max    Float64,
    errors         UInt64,
    last_offset    UInt64,
    watermark      DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(last_offset)
PARTITION BY toYYYYMM(window_start)
ORDER BY (kind, dimension, key, window_seconds, window_start, topic, partition)
SETTINGS non_replicated_deduplication_window = 1000;

-- What readers use: partitions merged, sentiment as the mean over the events that have one.
CREATE OR REPLACE VIEW trend AS
SELECT
    window_start,
    window_seconds,
    kind,
    dimension,
    key,
    sum(w.events) AS events,
    sum(w.negative) AS negative,
    sum(w.neutral) AS neutral,
    sum(w.positive) AS positive,
    if(negative + neutral + positive = 0, NULL, toFloat64(sum(w.sentiment_sum)) / (negative + neutral + positive)) AS sentiment,
    sum(w.anomalies) AS anomalies,
    max(w.anomaly_max) AS anomaly_max,
    sum(w.errors) AS errors
FROM windows AS w FINAL
GROUP BY window_start, window_seconds, kind, dimension, key;
