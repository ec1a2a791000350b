"""Connections: one for each request, or one for each session.

1. Settings in a URL hold for one request, also inside a session: they are undone afterwards.
2. A reader's connection is locked read-only before anything runs on it, and is never used again: its sessions have
   nothing to remember (temporary tables and SET are writing), so they need no connection of their own. So is that of a
   GET, which a page or a redirect can have anybody send: it changes nothing, and knows no session.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from infra.embedded.clickhouse.engine import Engine, quote, quote_name
from infra.embedded.clickhouse.errors import StoreError
from infra.embedded.clickhouse.users import reader_settings

if TYPE_CHECKING:
    from infra.embedded.clickhouse.request import Call

_IDLE_S = 600.0
_MOST = 256


class _Session:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.used_at = time.monotonic()


class Lease:
    """A connection that is ready for one call; `close` gives it back, once, from whichever thread."""

    def __init__(self, connection: Any, session: _Session | None, restore: dict[str, str | None]) -> None:
        self.connection = connection
        self._session, self._restore = session, restore
        self._closed = False

    def close(self) -> None:
        """Undo the call's settings, or drop the connection."""
        if self._closed:
            return
        self._closed = True
        if self._session is None:
            self.connection.close()
            return
        for name, value in self._restore.items():
            with suppress(Exception):  # a setting that the engine refused cannot be undone either
                self.connection.query(f"SET {name} = {'DEFAULT' if value is None else value}")
        self._session.used_at = time.monotonic()
        self._session.lock.release()


class Sessions:
    """Hands out connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def lease(self, call: Call) -> Lease:
        """A connection with the call's database and settings in force; raises the engine's error if they are wrong."""
        session = self._session(call) if call.session_id and call.user.writes and not call.by_get else None
        connection = session.connection if session else self._engine.connect()
        settings = _in_force(call)
        lease = Lease(connection, session, _before(connection, settings) if session and settings else {})
        try:
            if call.database:
                connection.query(f"USE {quote_name(call.database)}")
            if settings:
                connection.query("SET " + ", ".join(f"{name} = {quote(value)}" for name, value in settings.items()))
        except BaseException:
            lease.close()
            raise
        return lease

    def _session(self, call: Call) -> _Session:
        """The call's session, locked."""
        with self._lock:
            self._forget_idle()
            session = self._sessions.get(call.session_id)
            if session is None:
                if call.session_must_exist:
                    raise StoreError(372, "SESSION_NOT_FOUND", f"Session {call.session_id} not found.")
                session = self._sessions[call.session_id] = _Session(self._engine.connect())
            if not session.lock.acquire(blocking=False):
                raise StoreError(
                    373, "SESSION_IS_LOCKED", f"Session {call.session_id} is locked by a concurrent client."
                )
            return session

    def _forget_idle(self) -> None:
        now = time.monotonic()
        oldest_first = sorted(self._sessions.items(), key=lambda item: item[1].used_at)
        surplus = len(oldest_first) - _MOST + 1
        for position, (name, session) in enumerate(oldest_first):
            if (position < surplus or now - session.used_at > _IDLE_S) and session.lock.acquire(blocking=False):
                del self._sessions[name]
                session.connection.close()


def _in_force(call: Call) -> dict[str, str]:
    if not call.user.writes:
        return reader_settings(call.settings)
    if call.by_get:
        return {**call.settings, "readonly": "2"}
    return {name: value for name, value in call.settings.items() if name != "readonly" or not call.session_id}


def _before(connection: Any, settings: dict[str, str]) -> dict[str, str | None]:
    """The values to go back to: None for those that nobody had changed."""
    names = ", ".join(quote(name) for name in settings)
    answer = connection.query(
        f"SELECT name, value FROM system.settings WHERE changed AND name IN ({names})",  # noqa: S608  # quoted
        "JSONCompact",
    )
    changed: dict[str, str] = {name: quote(value) for name, value in json.loads(answer.bytes())["data"]}
    return {name: changed.get(name) for name in settings}
