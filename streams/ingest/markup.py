"""Text out of markup that anybody may have written.

1. Scripts, styles and comments go with what they hold, other tags by themselves; each leaves a blank.
2. What is never closed is text, up to the next tag: an opener takes no more than itself along.
3. Time grows with the length alone: what has no end is looked for once, not again from every later opener.
"""

import re
from typing import Final

MARKUP_CHARS: Final = 262_144  # of one entry's title or summary: longer ones are cut, and nobody reads that far

_OPENER: Final = re.compile(r"<(?:(script|style)\b|(!--))?", re.ASCII | re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]*>")
_ENDS: Final = {
    "script": re.compile(r"</script\s*>", re.ASCII | re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.ASCII | re.IGNORECASE),
    "!--": re.compile(r"-->"),
}


def without_tags(markup: str) -> str:
    """The text between the tags, with a blank for each of them."""
    markup = _cut(markup)
    kept: list[str] = []
    endless: set[str] = set()
    at = 0
    for opener in _OPENER.finditer(markup):
        if opener.start() >= at and (end := _end(markup, opener, endless)):
            kept.append(markup[at : opener.start()])
            at = end
    return " ".join((*kept, markup[at:]))


def _cut(markup: str) -> str:
    """As much as is looked at, without the half of a tag at its end."""
    if len(markup) <= MARKUP_CHARS:
        return markup
    start = markup.rfind("<", 0, MARKUP_CHARS)
    return markup[: start if start > markup.rfind(">", 0, MARKUP_CHARS) else MARKUP_CHARS]


def _end(markup: str, opener: re.Match[str], endless: set[str]) -> int:
    """Where what is opened here ends; 0 where nothing does."""
    name = (opener[1] or opener[2] or "").lower()
    if name and name not in endless:
        inside = opener.end() if name == "!--" else markup.find(">", opener.end()) + 1
        if inside and (closed := _ENDS[name].search(markup, inside)):
            return closed.end()
        endless.add(name)
    tag = _TAG.match(markup, opener.start())
    return tag.end() if tag else 0
