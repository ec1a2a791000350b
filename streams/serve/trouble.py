"""What trouble with the store looks like from outside: a code for programs, a line for people."""

from typing import Final

from streams.errors import PulsewireError

_MISSING: Final = frozenset((60, 81))  # UNKNOWN_TABLE, UNKNOWN_DATABASE
_DENIED: Final = frozenset((192, 193, 194, 497, 516))
_TOO_MUCH: Final = frozenset((158, 159, 160, 241, 307, 396))  # a limit of the user `reader`


def reason_of(error: PulsewireError, address: str) -> dict[str, str]:
    """Why there is no answer, and what would help."""
    code = getattr(error.__cause__, "code", None)
    if code in _MISSING:
        return {
            "error": "no_tables",
            "detail": f"the store at {address} has no Pulsewire tables yet: run `pulsewire init`",
        }
    if code in _DENIED:
        return {"error": "denied", "detail": f"the store at {address} refuses the reading user: {error}"}
    if code in _TOO_MUCH:
        return {"error": "too_much", "detail": f"the question is too big for the reader's limits: {error}"}
    if code:
        return {"error": "store_failed", "detail": f"the store at {address} answers with an error: {error}"}
    return {"error": "store_away", "detail": f"the store at {address} does not answer: {error}"}
