from pathlib import Path

import pytest

from models import registry
from models.manifest import MODEL


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The bundle that ships with the program."""
    folder = registry.shipped()
    if not (folder / MODEL).is_file():
        pytest.skip("no bundle has been exported into models/bundle yet")
    return folder


@pytest.fixture
def linked(shipped: Path, tmp_path: Path) -> Path:
    """A bundle that a test may spoil: links to the shipped files; replace one, never write through it."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    for path in shipped.iterdir():
        (folder / path.name).symlink_to(path.resolve())
    return folder


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No bundle, store or data set of the machine reaches a test."""
    for name in ("BUNDLE", "SEED_DATA", "CONFIG"):
        monkeypatch.delenv(f"PULSEWIRE_{name}", raising=False)
    monkeypatch.setenv("PULSEWIRE_CONFIG", str(tmp_path / "pulsewire.toml"))
    monkeypatch.setenv("PULSEWIRE_DATA_DIR", str(tmp_path / "data"))
