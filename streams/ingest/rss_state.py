"""What is known of a feed from last time, so that nothing is fetched or sent twice. One small file a feed."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

REMEMBERED: Final = 5_000


class FeedState(msgspec.Struct, frozen=True):
    """The server's validators, and marks of the entries that were sent (the latest last)."""

    url: str
    etag: str = ""
    modified: str = ""
    seen: tuple[str, ...] = ()

    def after(self, marks: list[str], *, etag: str, modified: str) -> "FeedState":
        """The state once entries with these marks were sent."""
        known = dict.fromkeys((*self.seen, *(mark_of(mark) for mark in marks)))
        return FeedState(self.url, etag, modified, tuple(known)[-max(REMEMBERED, 2 * len(marks)) :])


def mark_of(mark: str) -> str:
    """A short name for an entry's id."""
    return sha256(mark.encode("utf-8", "replace")).hexdigest()[:24]


def state_file(folder: Path, *, url: str, topic: str) -> Path:
    """Where the state of a feed on a topic is kept."""
    return folder / "ingest" / "rss" / f"{sha256(f'{topic} {url}'.encode()).hexdigest()[:32]}.json"


def load(path: Path, *, url: str) -> FeedState:
    """The state that was saved; an empty one where there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=FeedState)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return FeedState(url)


def save(path: Path, state: FeedState) -> None:
    """Write the state so that a reader finds the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.write_bytes(msgspec.json.encode(state))
    draft.replace(path)
