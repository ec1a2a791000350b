"""One spelling of a name: what looks alike is one series.

Blanks around a name go, and letters are composed (Unicode's NFC): some keyboards and file systems send `é` as two.
"""

from unicodedata import normalize


def spelt(name: str) -> str:
    """The name as it is kept."""
    return composed(name).strip()


def composed(text: str) -> str:
    """The text with composed letters."""
    return text if text.isascii() else normalize("NFC", text)
