"""Statements that the engine would run and a server would not, or not for a reader.

The engine's parser is the judge: a text that holds a suspicious word is refused or let through by its canonical form
(no comments, no heredocs, names in backticks or bare), in which only string literals and odd names have to be set
aside, both in one pass: a quote of one kind means nothing within the other. Most texts hold none, and pass after one
search.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infra.embedded.clickhouse.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SUSPICIOUS = re.compile(
    rb"\b(outfile|infile|python|file|executable)\b"  # reach outside of the store
    rb"|;\s*\S"  # several statements
    rb"|[`\"][^`\"]*\\",  # a name with an escape may spell any of them
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_OUTSIDE = re.compile(r"\b(INTO OUTFILE|FROM INFILE)\b|[`\"]?\b(python|file|executable)[`\"]? ?\(", re.IGNORECASE)
_NAME = re.compile(r"`\w+`")
_OUTSIDE_NAMES = frozenset({"python", "file", "executable"})
_READS = re.compile(r"[\s(]*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXISTS|EXPLAIN)\b", re.IGNORECASE)

INSERT = re.compile(
    rb"\s*(INSERT\s+INTO\s(?:(?!\bSELECT\b).)*?)\s+"
    rb"(?:FORMAT\s+(?!VALUES\b)(\w+)[ \t]*(?:\r?\n|;|\s|$)|(?:FORMAT\s+)?VALUES(?=\s*\())",
    re.IGNORECASE | re.DOTALL,
)
"""An insert with its rows behind it: table and columns, format. What `execute` runs of it is what is checked."""


def check(sql: bytes, *, binds: Mapping[str, str], writes: bool, canonical: Callable[[bytes], str]) -> None:
    """Raises `StoreError`, or the engine's own syntax error, for a statement that must not run."""
    text = _without_data(sql) if writes else sql
    if any(value.lower() in _OUTSIDE_NAMES for value in binds.values()) and b"Identifier" in text:
        raise _outside()
    reads = writes or _READS.match(sql.decode(errors="replace"))
    if reads and not _SUSPICIOUS.search(text):
        return
    bare = _QUOTED.sub(_without_quotes, canonical(text))
    if _OUTSIDE.search(bare):
        raise _outside()
    if not writes and not _READS.match(bare):
        raise StoreError(497, "ACCESS_DENIED", "reader: Not enough privileges. This user can only select.")


def _without_data(sql: bytes) -> bytes:
    """An insert's statement without the rows, which are nobody's statement."""
    head = INSERT.match(sql)
    return head[0] if head else sql


def _without_quotes(found: re.Match[str]) -> str:
    """A name that could be bare is left as it is; any other is that of no function."""
    return found[0] if _NAME.fullmatch(found[0]) else "''"


def _outside() -> StoreError:
    return StoreError(
        497, "ACCESS_DENIED", "Not enough privileges. Nothing outside of the store can be read or written."
    )
