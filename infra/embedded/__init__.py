"""Kafka and ClickHouse on this machine alone: no Docker, no installed Java, no root."""
