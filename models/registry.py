"""Which bundle is in force, and how another one takes its place.

    <data_dir>/bundles/
        <name>/       a whole bundle, never changed after it was put there
        history       the names that were promoted, one a line; the last one is in force

The bundle in force is the one that PULSEWIRE_BUNDLE names, else the last line of `history`, else `base`, the larger of
the two in the program's own folder. Wherever a folder is asked for, `base` and `small` name those two, unless there
is a bundle in a folder of that name (in `history` they are `shipped` and `shipped-small`). Both a bundle and the
history appear in one atomic step, so a reader never sees half of either.
"""

import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from models import manifest, places
from models.errors import BundleError

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
    """Check a bundle, copy it into the store and put it in force; its name. `BundleError` leaves all as it was."""
    source = resolved(named)
    name = manifest.read(source).name
    store = _store(data_dir)
    store.mkdir(parents=True, exist_ok=True)
    if ships := [one for one, folder in _PROMOTED.items() if folder.resolve() == source.resolve()]:
        (name,) = ships
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
    return _PROMOTED.get(name, store / name)


def _ship() -> list[Path]:
    return [folder for folder in SHIP.values() if folder == shipped() or folder.is_dir()]


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
