"""What trouble with the store looks like from outside: a code for programs, a line for people."""

from streams.errors import PulsewireError
from streams.remedies import DENIED, MISSING, TOO_MUCH, code_of


def reason_of(error: PulsewireError, address: str) -> dict[str, str]:
    """Why there is no answer, and what would help."""
    code = code_of(error)
    if code in MISSING:
        return {
            "error": "no_tables",
            "detail": f"the store at {address} has no Pulsewire tables yet: run `pulsewire init`",
        }
    if code in DENIED:
        return {"error": "denied", "detail": f"the store at {address} refuses the reading user: {error}"}
    if code in TOO_MUCH:
        return {"error": "too_much", "detail": f"the question is too big for the reader's limits: {error}"}
    if code:
        return {"error": "store_failed", "detail": f"the store at {address} answers with an error: {error}"}
    return {"error": "store_away", "detail": f"the store at {address} does not answer: {error}"}
