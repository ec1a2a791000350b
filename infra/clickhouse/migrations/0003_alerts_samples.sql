-- Every revision of every incident; revisions count from 1 in each. The latest of a fingerprint, by (starts_at, revision),
-- says how it stands.
CREATE TABLE IF NOT EXISTS alerts
(
    id             String,
    fingerprint    String,
    revision       UInt32,
    status         LowCardinality(String),
    rule           LowCardinality(String),
    severity       LowCardinality(String),
    kind           LowCardinality(String),
    dimension      LowCardinality(String),
    key            String,
    labels         Map(String, String),
    annotations    Map(String, String),
    starts_at      DateTime64(3, 'UTC'),
    ends_at        DateTime64(3, 'UTC'),
    window_start   DateTime64(3, 'UTC'),
    window_seconds UInt32,
    value          Float64,
    expected       Float64,
    score          Float64,
    evidence       String -- JSON, as on the topic
)
ENGINE = ReplacingMergeTree
ORDER BY (fingerprint, starts_at, revision)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS samples
(
    event_id      String,
    reason        LowCardinality(String),
    picked_for    DateTime64(3, 'UTC'),
    kind          LowCardinality(String),
    topic         LowCardinality(String),
    partition     UInt32,
    offset        UInt64,
    event_time    DateTime64(3, 'UTC'),
    text          String,
    lang          LowCardinality(String),
    sentiment     LowCardinality(String),
    category      LowCardinality(String),
    intent        LowCardinality(String),
    severity      LowCardinality(String),
    uncertainty   Float32,
    model         LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (kind, topic, partition, offset, reason)
SETTINGS non_replicated_deduplication_window = 1000;
