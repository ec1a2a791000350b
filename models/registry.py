"""Which bundle is in force, and how another one takes its place.

    <data_dir>/bundles/
        <name>/       a whole bundle; only another one that is promoted by its name takes its place
        history       the names that were promoted, one a line; the last one is in force

The bundle in force is the one that PULSEWIRE_BUNDLE names, else the last line of `history`, else `base`, the larger of
the two in the program's own folder. Wherever a folder is asked for, `base` and `small` name those two, unless there
is a bundle in a folder of that name (in `history` they are `shipped` and `shipped-small`). Both a bundle and the
history appear in one atomic step; who reads a bundle while another takes its place looks again (`manifest.read`).
"""

import os
import shutil
from pathlib import Path

import msgspec

from models import manifest, places
from models.errors import BundleError
from models.publish import published

SHIPPED = "shipped"  # in the history
_HERE = Path(__file__).parent
SHIP = {"base": _HERE / "bundle", "small": _HERE / "bundle-small"}
_PROMOTED = {SHIPPED: SHIP["base"], f"{SHIPPED}-small": SHIP["small"]}


class Entry(msgspec.Struct, frozen=True):
    """One bundle as `bundle list` shows it."""

    name: str
    folder: str
    created: str
    active: bool
    problem: str | None = None


def shipped() -> Path:
    """The bundle that comes with the program and is in force where no other is."""
    return SHIP["base"]


def resolved(named: Path | None, data_dir: Path | None = None) -> Path:
    """The folder that a user's `base`, `small` or path names; of the bundle in force where nothing is named."""
    if named is None:
        return active(data_dir)
    ships = SHIP.get(str(named))
    return ships if ships and not (named / manifest.MANIFEST).is_file() else named


def active(data_dir: Path | None = None) -> Path:
    """The folder of the bundle in force; whether it is whole is for `manifest.read` to say."""
    if named := places.place("bundle"):
        return resolved(named)
    return _folder(_store(data_dir), _last(_store(data_dir)))


def entries(data_dir: Path | None = None) -> list[Entry]:
    """The bundles that ship and every promoted one, whole or not."""
    store = _store(data_dir)
    kept = sorted(path for path in store.iterdir() if path.is_dir() and path.name[0] != ".") if store.is_dir() else []
    in_force = active(data_dir).resolve()
    return [_entry(folder, active=folder.resolve() == in_force) for folder in (*_ship(), *kept)]


def promote(named: Path, data_dir: Path | None = None) -> str:
    """Check a bundle, copy it into the store and put it in force; its name. `ModelError` leaves all as it was."""
    source = resolved(named)
    found = manifest.read(source)
    name, store = found.name, _store(data_dir)
    if ships := [one for one, folder in _PROMOTED.items() if folder.resolve() == source.resolve()]:
        (name,) = ships
    elif name in _PROMOTED:
        msg = f"{source} goes by the name of one that ships, {name}: export it under another --name"
        raise BundleError(msg)
    elif not _holds(store / name, found):
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
    return _PROMOTED.get(name, store / name)


def _ship() -> list[Path]:
    return [folder for folder in SHIP.values() if folder == shipped() or folder.is_dir()]


def _history(store: Path) -> list[str]:
    path = store / manifest.HISTORY
    try:
        return path.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read ({error}): mend it, or delete it to have the shipped bundle in force"
        raise BundleError(msg) from error


def _last(store: Path) -> str:
    return (_history(store) or [SHIPPED])[-1]


def _holds(folder: Path, wanted: manifest.Manifest) -> bool:
    """Whether this very bundle lies there whole. A name tells the graph alone, not how it was calibrated."""
    try:
        return manifest.read(folder) == wanted
    except BundleError:
        return False


def _copy(source: Path, target: Path) -> None:
    with published(target, replace=True) as part:
        for name in (manifest.MODEL, manifest.TOKENIZER, manifest.MANIFEST):
            shutil.copyfile(source / name, part / name)
        manifest.read(part)  # the source may have been replaced meanwhile


def _write(store: Path, history: list[str]) -> None:
    part = store / f".history-{os.getpid()}"
    try:
        store.mkdir(parents=True, exist_ok=True)
        part.write_text("".join(f"{name}\n" for name in history), encoding="utf-8")
        part.replace(store / manifest.HISTORY)
    except OSError as error:
        part.unlink(missing_ok=True)
        msg = f"{store / manifest.HISTORY} cannot be written ({error.strerror}): make room there; all is as it was"
        raise BundleError(msg) from error
