"""What a race is run by."""

from pathlib import Path

import msgspec


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The peers' interpreter and weights, and how much is run."""

    python: Path
    weights: Path
    folder: Path  # for logs and what libraries keep; gone afterwards
    rounds: int
    count: int  # texts or events of each round
    only: tuple[str, ...] = ()  # readers or libraries; all where empty
