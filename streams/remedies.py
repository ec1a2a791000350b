"""What to do when ClickHouse gives no answer, by the code that it gave: it may be there and still refuse."""

from typing import Final

MISSING: Final = frozenset((60, 81))  # UNKNOWN_TABLE, UNKNOWN_DATABASE
DENIED: Final = frozenset((192, 193, 194, 497, 516))
TOO_MUCH: Final = frozenset((158, 159, 160, 241, 307, 396))  # a limit of the user `reader`


def code_of(error: BaseException) -> int | None:
    """ClickHouse's code behind one of our errors; None where it did not answer at all."""
    code = getattr(error.__cause__, "code", None)
    return code if isinstance(code, int) else None


def remedy(error: BaseException) -> str:
    """The next step, for whoever reads why there is no answer."""
    code = code_of(error)
    if code in DENIED:
        return "passwords: PULSEWIRE_CLICKHOUSE_PASSWORD, and PULSEWIRE_CLICKHOUSE_READER_PASSWORD for the reader's"
    if code in MISSING:
        return "make the tables with `pulsewire init`"
    if code in TOO_MUCH:
        return "ask for less"
    return "look at its log" if code else "start it (`pulsewire up`), or name yours in PULSEWIRE_CLICKHOUSE"
