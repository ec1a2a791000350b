"""The page and the read API: everything here only reads, as ClickHouse's user `reader`."""
