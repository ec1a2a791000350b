"""Which record is to blame when a process dies: what was in hand, as a word that is committed beside an offset.

1. A mark at an offset says: of the records from here on so many are in hand. It goes when a greater offset is
   committed, and when whoever wrote it lets go in peace. Who finds one knows that a process died over these records.
2. After each death the pieces are smaller, until a record is alone in hand. Only then deaths are counted: whoever was
   killed, for whatever reason, while it held several has convicted none of them.
3. What follows from a mark is a function of the mark, so that finding it twice teaches nothing new.
"""

from typing import Final, Self

import msgspec

FINER: Final = 64  # of the records in hand at a death, how many pieces are made
_WORD: Final = "in-hand"


class Mark(msgspec.Struct, frozen=True):
    """Records in hand from an offset on, and, of a record that is alone in hand, the deaths that it has seen."""

    records: int
    deaths: int = 0

    def word(self) -> str:
        """As it is committed."""
        return f"{_WORD} {self.records} {self.deaths}"

    @classmethod
    def of(cls, word: str) -> Self | None:
        """The mark that was committed, or None where this is none of ours."""
        match word.split():
            case [name, records, deaths] if name == _WORD and records.isdecimal() and deaths.isdecimal():
                return cls(max(1, int(records)), int(deaths))
        return None


class Suspicion(msgspec.Struct, frozen=True):
    """How to go on after a death: this many records in pieces of this size; `deaths` is of a record alone."""

    records: int
    size: int
    deaths: int = 0

    @classmethod
    def after(cls, mark: Mark) -> Self:
        """What follows from a mark that was found."""
        if mark.records == 1:
            return cls(1, 1, mark.deaths + 1)
        return cls(mark.records, max(1, mark.records // FINER))

    def without(self, records: int) -> Self | None:
        """What is left once so many are done, or None."""
        left = self.records - records
        return msgspec.structs.replace(self, records=left, deaths=0) if left > 0 else None
