-- How long rows are kept counts from when they were stored, not from the events' own time: history that is read in late
-- would be gone at once. `pulsewire init` sets the TTL itself, from the settings.
ALTER TABLE events ADD COLUMN IF NOT EXISTS stored_at DateTime('UTC') DEFAULT now();
ALTER TABLE windows ADD COLUMN IF NOT EXISTS stored_at DateTime('UTC') DEFAULT now();
