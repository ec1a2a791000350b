-- One row for each (topic, partition, offset), whatever was replayed. The other columns of the key are functions of the
-- position, so they never make two rows of one event; they are there so that reading by time reads little.
CREATE TABLE IF NOT EXISTS events
(
    kind            LowCardinality(String),
    topic           LowCardinality(String),
    partition       UInt32,
    offset          UInt64,
    event_id        String,
    event_time      DateTime64(3, 'UTC'),
    ingested_at     DateTime64(3, 'UTC'),
    source          LowCardinality(String),
    service         LowCardinality(String),
    host            LowCardinality(String),
    lang            LowCardinality(String),
    entities        Array(String),
    text            String,
    url             String,
    user_id         String,
    action          LowCardinality(String),
    item_id         String,
    value           Nullable(Float64),
    level           LowCardinality(String),
    sentiment       LowCardinality(String),
    sentiment_score Float64,
    category        LowCardinality(String),
    category_score  Float32,
    intent          LowCardinality(String),
    severity        LowCardinality(String),
    severity_score  Float32,
    template        String,
    template_id     String,
    anomaly_score   Float32,
    uncertainty     Float32,
    model           LowCardinality(String),
    extra           String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (kind, toStartOfHour(event_time), topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 1000;
