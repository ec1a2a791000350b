"""ClickHouse's errors: code, name, and the HTTP status that its server gives them."""

from __future__ import annotations

import re

_STATUS = {
    36: 400,  # BAD_ARGUMENTS
    46: 404,  # UNKNOWN_FUNCTION
    47: 404,  # UNKNOWN_IDENTIFIER
    53: 400,  # TYPE_MISMATCH
    60: 404,  # UNKNOWN_TABLE
    62: 400,  # SYNTAX_ERROR
    81: 404,  # UNKNOWN_DATABASE
    115: 404,  # UNKNOWN_SETTING
    159: 408,  # TIMEOUT_EXCEEDED
    164: 403,  # READONLY
    202: 503,  # TOO_MANY_SIMULTANEOUS_QUERIES
    372: 404,  # SESSION_NOT_FOUND
    373: 423,  # SESSION_IS_LOCKED
    497: 403,  # ACCESS_DENIED
    516: 403,  # AUTHENTICATION_FAILED
}
_CODE = re.compile(r"Code: (\d+)")
_UNKNOWN = 1002


class StoreError(Exception):
    """A refusal of our own, in ClickHouse's words."""

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text} ({name})")


def read_error(error: Exception) -> tuple[int, int, str]:
    """The HTTP status, ClickHouse's code, and the text, of whatever the engine or we raised."""
    text = str(error)
    start = text.find("Code: ")
    text = text[max(start, 0) :].strip()
    found = _CODE.search(text)
    code = int(found[1]) if found else _UNKNOWN
    return _STATUS.get(code, 500), code, text
