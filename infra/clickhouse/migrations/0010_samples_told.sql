-- Whether the topic is known to have the sample: docs/decisions/alerts-table-first.md. What stands here already is there.
ALTER TABLE samples ADD COLUMN IF NOT EXISTS told Bool DEFAULT true;
