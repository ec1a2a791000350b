"""The phrase lists beside this file, and ways to draw from them that come out the same everywhere."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Generic, TypeVar

import msgspec

FOLDER = Path(__file__).parent / "phrases"
T = TypeVar("T")


class Headline(msgspec.Struct, frozen=True):
    """One line of a headline list."""

    tone: str  # + - =
    about: str  # a company, or market
    text: str
    lang: str


class LogLine(msgspec.Struct, frozen=True):
    """One line of a log list. Weight 0: only now and then."""

    level: str
    service: str
    weight: int
    text: str


def lines(name: str) -> Iterator[str]:
    """The lines of a list, without comments."""
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def headlines(name: str) -> list[Headline]:
    """The headlines of `<name>.en.txt` and `<name>.zh.txt`."""
    found = []
    for lang in ("en", "zh"):
        for line in lines(f"{name}.{lang}.txt"):
            head, _, text = line.partition(" | ")
            tone, about = head.split()
            found.append(Headline(tone, about, text, lang))
    return found


def log_lines(name: str) -> list[LogLine]:
    """The log lines of a list."""
    found = []
    for line in lines(name):
        head, _, text = line.partition(" | ")
        level, service, weight = head.split()
        found.append(LogLine(level, service, int(weight), text))
    return found


class Deck(Generic[T]):
    """Draws every card once before any comes again, so that a minute's mix is much like the next one's."""

    def __init__(self, cards: Sequence[T], rng: Random) -> None:
        self._cards = list(cards)
        self._rng = rng
        self._left: list[T] = []

    def draw(self) -> T:
        """The next card."""
        if not self._left:
            self._left = sorted(self._cards, key=lambda _: self._rng.random())
        return self._left.pop()


def below(rng: Random, limit: int) -> int:
    """A number from 0 up to `limit`, without it. Only `random()` gives the same on every version of Python."""
    return int(rng.random() * limit)


def spread_out(rng: Random, count: int, *, minute: int) -> list[int]:
    """`count` moments of a minute in ms, in order, with about even gaps."""
    return [int((minute + (i + rng.random()) / count) * 60_000) for i in range(count)]
