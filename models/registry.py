"""Which bundle is in force, and how another one takes its place.

    <data_dir>/bundles/
        <name>/       a whole bundle, never changed after it was put there
        history       the names that were promoted, one a line; the last one is in force

The bundle in force is the one that PULSEWIRE_BUNDLE names, else the last line of `history`, else the one that ships
with the program (its name in `history` is `shipped`). Both a bundle and the history appear in one atomic step, so a
reader never sees half of either.
"""

import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from models import manifest, places
from models.errors import BundleError

SHIPPED = "shipped"


class Entry(msgspec.Struct, frozen=True):
    """One bundle as `bundle list` shows it."""

    name: str
    folder: str
    created: str
    active: bool
    problem: str | None = None


def shipped() -> Path:
    """The bundle that comes with the program."""
    return Path(__file__).parent / "bundle"


def active(data_dir: Path | None = None) -> Path:
    """The folder of the bundle in force; whether it is whole is for `manifest.read` to say."""
    if named := places.place("bundle"):
        return named
    return _folder(_store(data_dir), _last(_store(data_dir)))


def entries(data_dir: Path | None = None) -> list[Entry]:
    """The shipped bundle and every promoted one, whole or not."""
    store = _store(data_dir)
    kept = sorted(path for path in store.iterdir() if path.is_dir() and path.name[0] != ".") if store.is_dir() else []
    in_force = active(data_dir).resolve()
    return [_entry(folder, active=folder.resolve() == in_force) for folder in (shipped(), *kept)]


def promote(source: Path, data_dir: Path | None = None) -> str:
    """Check a bundle, copy it into the store and put it in force; its name. `BundleError` leaves all as it was."""
    name = manifest.read(source).name
    store = _store(data_dir)
    store.mkdir(parents=True, exist_ok=True)
    if source.resolve() == shipped().resolve():
        name = SHIPPED
    elif not (store / name).exists():
        _copy(source, store / name)
    if _last(store) != name:
        _write(store, [*_history(store), name])
    return name


def rollback(data_dir: Path | None = None) -> str:
    """Put the bundle before the last one in force again; its name."""
    store = _store(data_dir)
    history = _history(store)
    if not history:
        msg = f"there is nothing to roll back: the shipped bundle is in force and {store} names no other"
        raise BundleError(msg)
    before = history[-2] if len(history) > 1 else SHIPPED
    manifest.read(_folder(store, before))
    _write(store, history[:-1])
    return before


def _entry(folder: Path, *, active: bool) -> Entry:
    try:
        found = manifest.read(folder)
    except BundleError as error:
        return Entry(folder.name, str(folder), "", active, str(error))
    return Entry(found.name, str(folder), found.created, active)


def _store(data_dir: Path | None) -> Path:
    return (data_dir or places.data_dir()) / "bundles"


def _folder(store: Path, name: str) -> Path:
    return shipped() if name == SHIPPED else store / name


def _history(store: Path) -> list[str]:
    try:
        return (store / "history").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []


def _last(store: Path) -> str:
    return (_history(store) or [SHIPPED])[-1]


def _copy(source: Path, target: Path) -> None:
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    try:
        for name in (manifest.MODEL, manifest.TOKENIZER, manifest.MANIFEST):
            shutil.copyfile(source / name, part / name)
        part.chmod(0o755)
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _write(store: Path, history: list[str]) -> None:
    part = store / f".history-{os.getpid()}"
    part.write_text("".join(f"{name}\n" for name in history), encoding="utf-8")
    part.replace(store / "history")
