import errno
import shutil
from pathlib import Path

import msgspec
import pytest

from models import manifest, registry
from models.errors import BundleError, ModelError
from tests.models.test_cli import one_line, pulsewire


@pytest.fixture
def other(linked: Path) -> Path:
    """A second whole bundle: the shipped one under another name."""
    return saying(linked, name="other")


def saying(bundle: Path, **values: object) -> Path:
    """The bundle with other values in its manifest."""
    path = bundle / manifest.MANIFEST
    known = msgspec.json.decode(path.read_bytes())
    path.unlink()
    path.write_bytes(msgspec.json.encode(known | values))
    return bundle


def test_the_shipped_bundle_is_the_default(tmp_path: Path) -> None:
    assert registry.active(tmp_path) == registry.shipped()


def test_a_promoted_bundle_is_in_force_until_it_is_rolled_back(other: Path, tmp_path: Path) -> None:
    assert registry.promote(other, tmp_path) == "other"
    assert registry.active(tmp_path) == tmp_path / "bundles" / "other"
    assert manifest.read(registry.active(tmp_path)).name == "other"
    assert [(one.name, one.active) for one in registry.entries(tmp_path)][-1] == ("other", True)

    assert registry.rollback(tmp_path) == registry.SHIPPED
    assert registry.active(tmp_path) == registry.shipped()
    assert [(one.name, one.active) for one in registry.entries(tmp_path)][-1] == ("other", False)
    with pytest.raises(BundleError, match="nothing to roll back"):
        registry.rollback(tmp_path)


def ship(monkeypatch: pytest.MonkeyPatch, small: Path) -> None:
    monkeypatch.setitem(registry.SHIP, "small", small)
    monkeypatch.setitem(registry._PROMOTED, "shipped-small", small)


def test_both_that_ship_are_known_by_name(
    other: Path, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, other)
    monkeypatch.chdir(tmp_path)
    assert registry.resolved(None, tmp_path) == registry.resolved(Path("base")) == shipped
    assert registry.resolved(Path("small")) == other
    assert registry.resolved(Path("elsewhere")) == Path("elsewhere")
    assert [(one.name, one.active) for one in registry.entries(tmp_path)][1:] == [("other", False)]
    monkeypatch.setenv("PULSEWIRE_BUNDLE", "small")
    assert registry.active(tmp_path) == other
    assert [one.active for one in registry.entries(tmp_path)] == [False, True]


def test_a_name_gives_way_to_a_bundle_in_a_folder_of_that_name(
    other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").mkdir()
    assert registry.resolved(Path("small")) == registry.SHIP["small"]
    (tmp_path / "small").rmdir()
    (tmp_path / "small").symlink_to(other)
    assert registry.resolved(Path("small")) == Path("small")


def test_a_damaged_bundle_is_told_with_what_helps(
    other: Path, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.promote(other, tmp_path / "data")
    stored = registry.active(tmp_path / "data")
    for folder in (other, stored):
        (folder / manifest.TOKENIZER).unlink()
    assert "`pulsewire bundle rollback`, or promote it again" in one_line(pulsewire("bundle", "verify", str(stored)))
    assert "missing: export it again, or name another, such as base" in one_line(
        pulsewire("bundle", "verify", str(other))
    )
    monkeypatch.setenv("PULSEWIRE_BUNDLE", str(stored))
    assert "missing: export it again, or name another" in one_line(pulsewire("bundle", "verify"))
    assert manifest.advice(shipped) == "it came with the program, so install that again"


def test_the_small_one_is_promoted_without_a_copy(other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(monkeypatch, other)
    assert registry.promote(Path("small"), tmp_path) == "shipped-small"
    assert registry.active(tmp_path) == other
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == ["history"]
    assert registry.promote(Path("base"), tmp_path) == registry.SHIPPED
    assert registry.rollback(tmp_path) == "shipped-small"
    assert registry.rollback(tmp_path) == registry.SHIPPED


def test_promoting_again_is_no_second_step(other: Path, tmp_path: Path) -> None:
    registry.promote(other, tmp_path)
    registry.promote(other, tmp_path)
    assert registry.rollback(tmp_path) == registry.SHIPPED


def test_the_shipped_bundle_can_be_promoted_over_another(other: Path, shipped: Path, tmp_path: Path) -> None:
    registry.promote(other, tmp_path)
    assert registry.promote(shipped, tmp_path) == registry.SHIPPED
    assert registry.active(tmp_path) == shipped
    assert registry.rollback(tmp_path) == "other"


def test_a_damaged_bundle_is_not_promoted(other: Path, tmp_path: Path) -> None:
    (other / manifest.TOKENIZER).unlink()
    with pytest.raises(BundleError, match="tokenizer"):
        registry.promote(other, tmp_path)
    assert registry.active(tmp_path) == registry.shipped()
    assert not (tmp_path / "bundles").exists()


def test_a_stored_bundle_that_was_damaged_is_listed_with_its_problem(other: Path, tmp_path: Path) -> None:
    registry.promote(other, tmp_path)
    (tmp_path / "bundles" / "other" / manifest.TOKENIZER).write_text("{}")
    problem = registry.entries(tmp_path)[-1].problem
    assert problem is not None
    assert "tokenizer.json has 2 bytes" in problem


def test_the_setting_goes_before_everything(other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.promote(other, tmp_path)
    monkeypatch.setenv("PULSEWIRE_BUNDLE", "/elsewhere")
    assert registry.active(tmp_path) == Path("/elsewhere")


def test_the_settings_file_names_folders_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pulsewire.toml"
    file.write_text('bundle = "from-the-file"\n')
    monkeypatch.setenv("PULSEWIRE_CONFIG", str(file))
    assert registry.active(tmp_path) == Path("from-the-file")


@pytest.mark.parametrize("name", ["my base", "a/b", "..", "", "shipped"])
def test_a_name_that_no_folder_or_line_can_have_is_refused(linked: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="name"):
        registry.promote(saying(linked, name=name), tmp_path)
    assert registry.active(tmp_path) == registry.shipped()
    assert not (tmp_path / "bundles").exists()


def test_one_that_was_damaged_in_the_store_is_mended_by_promoting_it_again(other: Path, tmp_path: Path) -> None:
    registry.promote(other, tmp_path)
    (tmp_path / "bundles" / "other" / manifest.TOKENIZER).write_text("{}")
    registry.promote(other, tmp_path)
    assert manifest.read(registry.active(tmp_path)).name == "other"


def test_the_same_graph_calibrated_anew_takes_the_place_of_its_namesake(other: Path, tmp_path: Path) -> None:
    registry.promote(other, tmp_path)
    registry.promote(saying(other, temperatures={"sentiment": 2.5}), tmp_path)
    assert manifest.read(registry.active(tmp_path)).temperatures == {"sentiment": 2.5}


@pytest.mark.parametrize("at", [manifest.MODEL, manifest.MANIFEST, "history"])
def test_a_disk_that_fills_up_leaves_all_as_it_was(
    other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    registry.promote(registry.shipped(), tmp_path / "data")
    copy, write = shutil.copyfile, Path.write_text

    def full(path: Path) -> None:
        if at in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", lambda source, to: (full(to), copy(source, to)))
    monkeypatch.setattr(Path, "write_text", lambda self, *some, **named: (full(self), write(self, *some, **named)))
    assert "No space left on device" in one_line(pulsewire("bundle", "promote", str(other)))
    assert registry.active(tmp_path / "data") == registry.shipped()
    left = {path.name for path in (tmp_path / "data").rglob("*") if path.name.startswith(".")}
    assert not left


def test_a_history_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(ModelError, match="history cannot be read"):
        registry.active(tmp_path / "data")
    assert "cannot be read" in one_line(pulsewire("bundle", "list"))
