"""The store itself: opened once, with a connection for each request."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from infra.embedded.clickhouse.config import write_config

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "pulsewire"


class Engine:
    """An open chDB store. One process only may have it open."""

    def __init__(self, folder: Path) -> None:
        import chdb  # noqa: PLC0415  # 0.5 s and 100 MB, and the port is checked before

        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)  # chDB reads its address as a URL: a relative one has no odd characters
        write_config(folder)
        self._connect: Any = chdb.connect
        self._address = "store?config-file=config.xml"
        self._kept = self.connect()  # the store stays open as long as one connection does
        self._kept.query(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE=Atomic")
        self.version = self._ask("SELECT version()")
        self.timezone = self._ask("SELECT timezone()")

    def connect(self) -> Any:
        """A connection with settings and temporary tables of its own."""
        return self._connect(self._address)

    def canonical(self, sql: bytes) -> str:
        """A statement as the engine's own parser reads it, without comments; raises its error for any other text."""
        text = sql.decode(errors="replace")
        with self.connect() as connection:
            return str(connection.query(f"SELECT formatQuerySingleLine({quote(text)})", "TSVRaw")).strip()

    def give_back(self) -> None:
        """Have the allocator return to the system what it keeps of freed memory."""
        with self.connect() as connection:
            connection.query("SYSTEM JEMALLOC PURGE")

    def close(self) -> None:
        """Let go of the store."""
        self._kept.close()

    def _ask(self, sql: str) -> str:
        return str(self._kept.query(sql, "TSVRaw")).strip()


def quote(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """An identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
