"""Addresses, and what settings may name as one: `addresses`, `address` and `url` return it, or raise a ValueError that
says what would be right.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"(?:\[[\w:.%]+\]|[^\s:\[\]]+)(?::(?P<port>\d+))?")


def _is_address(value: str) -> bool:
    host, colon, port = value.strip().rpartition(":")
    return bool(host and colon and port.isdigit() and 0 < int(port) < 65_536)


def addresses(value: str) -> str:
    """A comma-separated list of host:port. It is shown to everybody who asks, as a URL is."""
    if "@" in value or "//" in value:
        names = "PULSEWIRE_KAFKA_SECURITY, PULSEWIRE_KAFKA_USER and PULSEWIRE_KAFKA_PASSWORD"
        raise ValueError(f"expected host:port alone, such as 127.0.0.1:9092; protocol and login go into {names}")
    if not all(map(_is_address, value.split(","))):
        raise ValueError("expected host:port, or several separated by commas, such as 127.0.0.1:9092")
    return value


def address(value: str) -> str:
    """One host:port."""
    if "," in value or not _is_address(value):
        raise ValueError("expected one host:port, such as 127.0.0.1:8080")
    return value


def url(value: str) -> str:
    """A URL that says where something is and nothing else: it is shown to everybody who asks."""
    parts = urlsplit(value.rstrip("/"))
    if "@" in value:
        names = "PULSEWIRE_CLICKHOUSE_USER and PULSEWIRE_CLICKHOUSE_PASSWORD"
        raise ValueError(f"expected no user and no password in it: they go into {names}")
    found = _HOST.fullmatch(parts.netloc)
    if parts.scheme not in ("http", "https") or not found or not _is_address(f"host:{found['port'] or 1}"):
        raise ValueError("expected a URL such as http://127.0.0.1:8123")
    if parts.path or parts.query or parts.fragment:
        raise ValueError(f"expected nothing after host and port, such as {parts.scheme}://{parts.netloc}")
    return value.rstrip("/")


def is_loopback(name: str) -> bool:
    """Whether a host, without its port, is this machine to itself alone."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
