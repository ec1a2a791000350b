"""Which names of the watch list a text speaks of.

1. A Latin alias must stand as a word of its own: `Apple` is not in `Pineapple`, `Meta` is not in `metadata`. Chinese is
   written without spaces: an alias that holds a Chinese character is found anywhere, and Chinese around a Latin alias
   does not hide it.
2. A ticker (at most five capitals or digits, `AAPL`, `$AAPL`, `BRK.B`) is found only as it is written; any other name
   in whatever case.
3. Where aliases overlap, the leftmost wins, and of those that start together the longest.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick

from streams.core.names import composed, spelt

MAX_ENTITIES: Final = 32

_TICKER: Final = re.compile(r"\$?(?=[^a-z]*[A-Z])[A-Z0-9]{1,5}(?:\.[A-Z]{1,2})?")
_CJK: Final = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_FIRST_CJK: Final = "\u2e80"  # CJK radicals: where writing without spaces begins


class WatchList:
    """Names to look out for, each with the other ways it is written."""

    def __init__(self, entries: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Take (name, aliases) pairs; the name counts as an alias. Of equal aliases the first keeps its name."""
        spellings: dict[str, list[_Spelling]] = {}
        for given, aliases in entries:
            name = spelt(given)
            for alias in dict.fromkeys((name, *map(spelt, aliases))):
                if alias:
                    spellings.setdefault(_fold(alias), []).append(_Spelling.of(alias, name))
        self._by_alias = spellings
        self._spellings = list(spellings.values())
        self._automaton = AhoCorasick(list(spellings)) if spellings else None

    def find(self, text: str) -> tuple[str, ...]:
        """The names that occur, in order of first appearance, each once."""
        if self._automaton is None:
            return ()
        text = composed(text)
        matches = self._automaton.find_matches_as_indexes(_fold(text), overlapping=True)
        if not matches:
            return ()
        matches.sort(key=lambda match: (match[1], -match[2]))
        names: dict[str, None] = {}
        taken_to = 0
        for pattern, start, end in matches:
            if start >= taken_to and (name := self._name_of(pattern, text, start, end)):
                names[name] = None
                taken_to = end
        return tuple(names)

    def named(self, given: str) -> str:
        """The name that this is another way to write of, as a whole; else what was given, spelt as all names are."""
        name = spelt(given)
        for spelling in self._by_alias.get(_fold(name), ()):
            if not spelling.as_written or spelling.alias == name:
                return spelling.name
        return name

    def _name_of(self, pattern: int, text: str, start: int, end: int) -> str | None:
        for spelling in self._spellings[pattern]:
            if spelling.as_written and text[start:end] != spelling.alias:
                continue
            if spelling.anywhere or _stands_alone(text, start, end, joiners="_&" if spelling.as_written else "_"):
                return spelling.name
        return None


class _Spelling(NamedTuple):
    alias: str
    name: str
    as_written: bool
    anywhere: bool

    @classmethod
    def of(cls, alias: str, name: str) -> "_Spelling":
        return cls(alias, name, bool(_TICKER.fullmatch(alias)), bool(_CJK.search(alias)))


def merged(given: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    """Entities that the producer named, then those found: each once, at most 32, and none found left out for others."""
    sought = dict.fromkeys(found)
    names = dict.fromkeys((*filter(None, given), *sought))
    room = max(0, MAX_ENTITIES - len(sought))
    surplus = frozenset([name for name in names if name not in sought][room:])
    return tuple(name for name in names if name not in surplus)[:MAX_ENTITIES]


def _fold(text: str) -> str:
    """Lower case, character by character, so that positions stay those of `text` (only İ would become two)."""
    return text.replace("İ", "I").lower()


def _stands_alone(text: str, start: int, end: int, *, joiners: str) -> bool:
    """Whether no word goes on across either end. The `T` of `AT&T` is no word: `&` joins tickers."""

    def joined(outer: str, inner: str) -> bool:
        return (outer in joiners or _in_word(outer)) and (inner in joiners or _in_word(inner))

    before = start > 0 and joined(text[start - 1], text[start])
    after = end < len(text) and joined(text[end], text[end - 1])
    return not (before or after)


def _in_word(character: str) -> bool:
    return character.isalnum() and character < _FIRST_CJK
