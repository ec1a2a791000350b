"""Run one call on a leased connection: an insert, a streamed answer, or a whole one."""

from __future__ import annotations

import json
import re
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from infra.embedded.clickhouse import wire
from infra.embedded.clickhouse.engine import quote
from infra.embedded.clickhouse.guard import INSERT, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.embedded.clickhouse.engine import Engine
    from infra.embedded.clickhouse.request import Call
    from infra.embedded.clickhouse.session import Lease, Sessions

_STREAMABLE = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"})
_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_SETTINGS = re.compile(r"\s(SETTINGS\s+\w+\s*=)", re.IGNORECASE)
# In memory where the machine has such a place; the files are made by `tempfile`, for us alone to read
_MEMORY = Path("/dev/shm")  # noqa: S108
_SPOOL = _MEMORY if _MEMORY.is_dir() else None


class Answer(msgspec.Struct, frozen=True):
    """What goes back: the headers, and the body in pieces, which may still be in the making."""

    headers: dict[str, str]
    pieces: Iterator[bytes]


def execute(call: Call, engine: Engine, sessions: Sessions) -> Answer:
    """Raises what the engine says against it. The connection is given back when the pieces are used up or closed."""
    check(call.sql, binds=call.binds, writes=call.user.writes, canonical=engine.canonical)
    lease = sessions.lease(call)
    try:
        insert = INSERT.match(call.sql)
        return _insert(call, lease, insert) if insert else _select(call, lease)
    except BaseException:
        lease.close()
        raise


def _insert(call: Call, lease: Lease, found: re.Match[bytes]) -> Answer:
    """By way of a file, the one way in chDB that is both whole and honest.

    `send_insert` says nothing of what the table has against the rows (a constraint, a limit) and stores none of them;
    data in the statement itself ends at its first empty line, binary or not.
    """
    began = time.perf_counter_ns()
    with tempfile.NamedTemporaryFile(dir=_SPOOL, prefix="pulsewire-insert-") as spooled:
        spooled.write(memoryview(call.sql)[found.end() :])
        spooled.flush()
        into, _, settings = _SETTINGS.sub("\0\\1", found[1].decode(), count=1).partition("\0")
        source = f"FROM INFILE {quote(spooled.name)} COMPRESSION 'none'"
        done = lease.connection.query(f"{into} {source} {settings} FORMAT {(found[2] or b'Values').decode()}")
    lease.close()
    summary = {
        "read_rows": done.rows_written(),
        "read_bytes": done.bytes_written(),
        "written_rows": done.rows_written(),
        "written_bytes": done.bytes_written(),
        "elapsed_ns": time.perf_counter_ns() - began,
    }
    return Answer({"X-ClickHouse-Summary": _summary(summary)}, iter(()))


def _select(call: Call, lease: Lease) -> Answer:
    named = _FORMAT.search(call.sql)
    form = named[1].decode() if named else call.default_format
    encoding, compressor = wire.compressor(call.accepts)
    headers = {"X-ClickHouse-Format": form}
    if encoding:
        headers["Content-Encoding"] = encoding
    if named and form in _STREAMABLE and not call.whole:
        return _stream(call, lease, headers, compressor)
    return _whole(call, lease, headers, compressor)


def _whole(call: Call, lease: Lease, headers: dict[str, str], compressor: wire.Compressor) -> Answer:
    form = headers["X-ClickHouse-Format"]
    # DDL answers in TabSeparated say "Ok" in chDB; with names they say nothing, as a server's do
    asked = "TabSeparatedWithNames" if form == "TabSeparated" else form
    result = lease.connection.query(call.sql.decode(), asked, params=call.binds)
    body = result.bytes() or b""
    if asked != form and not _FORMAT.search(call.sql):
        body = body[body.find(b"\n") + 1 :] if body else body
    summary = {
        "result_rows": result.rows_read(),  # chDB's word for it
        "read_rows": result.storage_rows_read(),
        "read_bytes": result.storage_bytes_read(),
        "elapsed_ns": int(result.elapsed() * 1e9),
    }
    lease.close()
    return Answer(
        {**headers, "X-ClickHouse-Summary": _summary(summary)}, iter((compressor.compress(body) + compressor.flush(),))
    )


def _stream(call: Call, lease: Lease, headers: dict[str, str], compressor: wire.Compressor) -> Answer:
    form, tag = headers["X-ClickHouse-Format"], uuid.uuid4().hex[:16]
    stream = lease.connection.send_query(call.sql.decode(), form, params=call.binds)
    pieces = _pieces(stream, lease, compressor, tag)
    first = next(pieces)  # an error before the first piece still gets its status
    return Answer({**headers, "X-ClickHouse-Exception-Tag": tag}, _after(first, pieces))


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _pieces(stream: Any, lease: Lease, compressor: wire.Compressor, tag: str) -> Iterator[bytes]:
    sent = False
    try:
        try:
            for chunk in stream:
                yield compressor.compress(chunk.bytes())
                sent = True
        except Exception as error:  # whatever the engine raises: the client has to learn of it
            if not sent:
                raise
            yield compressor.compress(_late_error(str(error).strip().encode(), tag.encode()))
        yield compressor.flush()
    finally:
        stream.close()
        lease.close()


def _late_error(text: bytes, tag: bytes) -> bytes:
    """How ClickHouse ends a body whose 200 has already gone out."""
    return b"__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n" % (tag, text, len(text) + 1, tag)


def _summary(counts: dict[str, int]) -> str:
    return json.dumps({name: str(count) for name, count in counts.items()})
