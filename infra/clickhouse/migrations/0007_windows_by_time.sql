-- Windows in the order in which they are read: of one dimension and width, sixty windows at a time, their keys in order.
-- By key first, "the top keys of the last hour" read all of history; now it reads that hour. Sixty windows, so that hours
-- of hours lie as close as hours of minutes. The least and greatest width and start of each granule serve
-- conditions on window_start.
--
-- Rows join to the same whatever the order and number of their copies, so each step may be repeated after a crash, from
-- the first on: `windows_before` is then either a copy that was not finished or what the copy was made of.
CREATE TABLE IF NOT EXISTS windows_before AS windows;
INSERT INTO windows SELECT * FROM windows_before SETTINGS max_partitions_per_insert_block = 0;
DROP TABLE windows_before SYNC;
CREATE TABLE windows_before
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
    watermark      DateTime64(3, 'UTC'),
    stored_at      DateTime('UTC') DEFAULT now(),
    INDEX by_start (window_seconds, window_start) TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(last_offset)
PARTITION BY toYYYYMM(window_start)
ORDER BY (kind, dimension, window_seconds, intDiv(toUnixTimestamp64Milli(window_start), toInt64(greatest(window_seconds, 1)) * 60000), key, window_start, topic, partition)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 0;
INSERT INTO windows_before SELECT * FROM windows SETTINGS max_partitions_per_insert_block = 0;
EXCHANGE TABLES windows AND windows_before;
-- what came between the copy and the exchange
INSERT INTO windows SELECT * FROM windows_before WHERE stored_at >= now() - INTERVAL 1 DAY
SETTINGS max_partitions_per_insert_block = 0;
DROP TABLE windows_before SYNC;
