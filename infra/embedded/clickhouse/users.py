"""Who asks: `pulsewire` writes, `reader` reads within limits."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

import msgspec

from infra.embedded.clickhouse.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

READER_LIMITS = {
    "max_execution_time": 30,
    "max_memory_usage": 1_000_000_000,
    "max_result_bytes": 500_000_000,
    "max_threads": 8,
}
"""What a reader gets, and can only lower."""

_HARMLESS = (
    "output_format_json_",
    "output_format_csv_",
    "output_format_tsv_",
    "output_format_native_",
    "output_format_arrow_",
)
_HARMLESS_NAMES = frozenset(
    {
        "date_time_output_format",
        "extremes",
        "final",
        "join_use_nulls",
        "max_block_size",
        "max_result_rows",
        "output_format_write_statistics",
        "result_overflow_mode",
    }
)


class User(msgspec.Struct, frozen=True):
    """Somebody who gave the right password."""

    name: str
    writes: bool


class Users:
    """The two users and their passwords; empty ones are right for a store that only this machine can reach."""

    def __init__(self, *, writer_password: str = "", reader_password: str = "") -> None:
        self._known = {
            "pulsewire": (writer_password, User("pulsewire", writes=True)),
            "reader": (reader_password, User("reader", writes=False)),
        }

    def recognise(self, headers: Mapping[str, str], params: Mapping[str, str]) -> User:
        """The user that a request names in one of ClickHouse's three ways, `reader` if it names none."""
        name, password = _credentials(headers, params)
        expected, user = self._known.get(name, ("", None))
        if user is None or not hmac.compare_digest(expected.encode(), password.encode()):
            raise StoreError(
                516,
                "AUTHENTICATION_FAILED",
                f"{name}: Authentication failed: password is incorrect, or there is no user with such name.",
            )
        return user


def reader_settings(asked: Mapping[str, str]) -> dict[str, str]:
    """What a reader's request runs with, the lock last; raises for a setting that is not a reader's to choose."""
    allowed = {name: value for name, value in asked.items() if name != "readonly"}
    for name in allowed:
        if name not in READER_LIMITS and name not in _HARMLESS_NAMES and not name.startswith(_HARMLESS):
            raise StoreError(164, "READONLY", f"Cannot modify '{name}' setting in readonly mode.")
    limits = {name: str(_lower(limit, allowed.get(name))) for name, limit in READER_LIMITS.items()}
    return {**allowed, **limits, "readonly": "1"}


def _lower(limit: int, asked: str | None) -> int:
    if asked is None or not asked.isdigit() or int(asked) == 0:  # 0 is "no limit" to ClickHouse
        return limit
    return min(limit, int(asked))


def _credentials(headers: Mapping[str, str], params: Mapping[str, str]) -> tuple[str, str]:
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise StoreError(516, "AUTHENTICATION_FAILED", "Invalid authentication.") from None
        return name or "reader", password
    return params.get("user") or "reader", params.get("password", "")
