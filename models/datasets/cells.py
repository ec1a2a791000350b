"""Cells of a CSV that a spreadsheet opens: it runs what begins like a formula, and so a text may not.

1. A cell that begins with one of `=` `+` `-` `@` tab and carriage return, after any number of single quotes, is written
   with one single quote more before it.
2. `unguarded(guarded(text)) == text` for every text: of such a cell one quote is taken away again, and of no other.
"""

import re
from typing import Final

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet computes."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text of such a cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
