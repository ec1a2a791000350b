-- Whether the topic is known to have the alert: docs/decisions/alerts-table-first.md. What stands here already is there.
ALTER TABLE alerts ADD COLUMN IF NOT EXISTS told Bool DEFAULT true;
