"""What is known of a feed from last time, so that nothing is fetched or sent twice. One small file a feed.

An address may hold a login or a token: no file says it, only a hash of it, as its name.
"""

import contextlib
import os
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

REMEMBERED: Final = 5_000


class FeedState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The server's validators, and marks of the entries that were sent (the latest last)."""

    url: str = ""  # stood in files of old, with login and all
    etag: str = ""
    modified: str = ""
    seen: tuple[str, ...] = ()

    def after(self, marks: list[str], *, etag: str, modified: str) -> "FeedState":
        """The state once entries with these marks were sent."""
        known = dict.fromkeys((*self.seen, *(mark_of(mark) for mark in marks)))
        seen = tuple(known)[-max(REMEMBERED, 2 * len(marks)) :]
        return FeedState(etag=etag, modified=modified, seen=seen)


def mark_of(mark: str) -> str:
    """A short name for an entry's id."""
    return sha256(mark.encode("utf-8", "replace")).hexdigest()[:24]


def state_file(folder: Path, *, url: str, topic: str) -> Path:
    """Where the state of a feed on a topic is kept."""
    return folder / "ingest" / "rss" / f"{sha256(f'{topic} {url}'.encode()).hexdigest()[:32]}.json"


def load(path: Path) -> FeedState:
    """The state that was saved; an empty one where there is none that can be read.

    A file that says the address is written anew at once: a feed that never changes would keep it for ever.
    """
    try:
        state = msgspec.json.decode(path.read_bytes(), type=FeedState)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return FeedState()
    if state.url:
        state = msgspec.structs.replace(state, url="")
        with contextlib.suppress(OSError):
            save(path, state)
    return state


def save(path: Path, state: FeedState) -> None:
    """Write the state, for its owner alone, so that a reader finds the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.unlink(missing_ok=True)  # one that was left over may be open to others
    with open(draft, "xb", opener=_for_the_owner) as file:  # Path.open takes no opener
        file.write(msgspec.json.encode(state))
    draft.replace(path)


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
