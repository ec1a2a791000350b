"""What can go wrong with the embedded stack, as one clear line each."""

from __future__ import annotations

from streams.errors import PulsewireError


class StackError(PulsewireError):
    """The embedded stack cannot go on; the text is one line that says why and what would help."""
