-- What heads without a column of their own say of an event: the likeliest label and its probability, by the head's name.
ALTER TABLE events ADD COLUMN IF NOT EXISTS heads Map(LowCardinality(String), Tuple(label LowCardinality(String), score Float32)) AFTER severity_score;
ALTER TABLE samples ADD COLUMN IF NOT EXISTS heads Map(LowCardinality(String), Tuple(label LowCardinality(String), score Float32)) AFTER severity;
