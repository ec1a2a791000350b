-- Rows replace themselves, so an insert that is repeated changes nothing. Deduplication of inserts would only do harm:
-- ClickHouse notes a block as seen before it keeps its part, and drops what is repeated after a SIGKILL between the two.
ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 0;
ALTER TABLE windows MODIFY SETTING non_replicated_deduplication_window = 0;
ALTER TABLE alerts MODIFY SETTING non_replicated_deduplication_window = 0;
ALTER TABLE samples MODIFY SETTING non_replicated_deduplication_window = 0;
