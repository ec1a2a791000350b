-- From when to when there are windows of each kind, dimension and width: asked at every refresh of a page, and read from
-- a few rows beside each part instead of from all of history. Merges make it anew from what they keep.
ALTER TABLE windows MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';
ALTER TABLE windows ADD PROJECTION IF NOT EXISTS extents
(
    SELECT kind, dimension, window_seconds, min(window_start), max(window_start)
    GROUP BY kind, dimension, window_seconds
);
ALTER TABLE windows MATERIALIZE PROJECTION extents;
