"""A bundle takes the place of a bundle, whole, and of nothing else."""

import errno
import shutil
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models import manifest, runtime
from models.errors import BundleError, ExportError
from models.manifest import MANIFEST
from models.publish import published
from models.runtime import Classifier


def publish(target: Path, content: str, *, replace: bool = True) -> None:
    with published(target, replace=replace) as part:
        (part / MANIFEST).write_text(content)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    publish(tmp_path / "bundle", "old")
    return tmp_path / "bundle"


def test_the_new_one_takes_the_place_of_the_old_one(target: Path) -> None:
    publish(target, "new")
    assert (target / MANIFEST).read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_with_anything_else_in_it_is_not_replaced(tmp_path: Path) -> None:
    thesis = tmp_path / "home" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    for target in (thesis.parent, thesis):
        with pytest.raises(ExportError, match=r"is no bundle, as it holds thesis.txt"):
            publish(target, "new")
    assert thesis.read_text() == "years of work"
    assert list(tmp_path.iterdir()) == [thesis.parent]


def test_the_old_one_is_back_where_the_new_one_cannot_take_its_place(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def failing(self: Path, to: Path) -> Path:
        if to == target and "-old-" not in self.name:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(ExportError, match="cannot be written"):
        publish(target, "new")
    assert (target / MANIFEST).read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_a_link_goes_on_to_name_the_bundle(target: Path) -> None:
    link = target.with_name("current")
    link.symlink_to(target)
    publish(link, "new")
    assert link.is_symlink()
    assert (target / MANIFEST).read_text() == "new"
    assert sorted(target.parent.iterdir()) == [target, link]


def test_one_that_is_there_stays_unless_it_is_to_go(target: Path) -> None:
    with pytest.raises(ExportError, match="exists: pass --replace"):
        publish(target, "new", replace=False)
    assert (target / MANIFEST).read_text() == "old"


def test_who_reads_while_there_is_none_looks_again(linked: Path) -> None:
    away = linked.rename(linked.with_name("away"))
    back = threading.Timer(manifest.SWAP_S / 4, away.rename, [linked])
    back.start()
    assert manifest.read(linked).name
    back.join()


@pytest.mark.parametrize("opened", [True, False])
def test_who_opens_one_while_another_takes_its_place_has_the_other(
    linked: Path, monkeypatch: pytest.MonkeyPatch, *, opened: bool
) -> None:
    session, known = runtime._session, manifest.read(linked)
    hot = msgspec.structs.replace(known, temperatures=known.temperatures | {"sentiment": 7.0})

    def swapped(folder: Path, *, cuda: bool) -> Any:
        monkeypatch.setattr(runtime, "_session", session)
        with published(folder, replace=True) as part:
            for name in known.files:
                shutil.copyfile(folder / name, part / name)
            (part / MANIFEST).write_bytes(msgspec.json.encode(hot))
        if opened:
            return session(folder, cuda=cuda)
        raise BundleError("it was not there for a moment")

    monkeypatch.setattr(runtime, "_session", swapped)
    classifier = Classifier.load(linked, threads=1)
    assert classifier.manifest == hot
    classifier.close()
