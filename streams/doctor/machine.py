"""This machine: versions, disk, settings."""

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from streams.doctor.finding import Finding, fail, ok, warn
from streams.settings import PREFIX, Settings, config_file, meant, unknown_variables

GIB: Final = 1 << 30
TIGHT: Final = 2 * GIB
FULL: Final = GIB // 4
RUNTIMES: Final = ("onnxruntime-gpu", "onnxruntime")


def examine(settings: Settings) -> list[Finding]:
    """What is installed, what was set, how much room there is."""
    return [_versions(), _settings(), _disk(settings.data_dir)]


def _versions() -> Finding:
    runtimes = [name for name in RUNTIMES if _version(name)]
    names = ["pulsewire", *runtimes, "faust-streaming", "aiokafka", "clickhouse-connect"]
    detail = ", ".join([f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in names)])
    if len(runtimes) != 1:
        return fail("versions", detail, f"install exactly one of {' and '.join(RUNTIMES)}: they share a folder")
    return ok("versions", detail)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _settings() -> Finding:
    if unknown := unknown_variables():
        named = ", ".join(name + meant(name) for name in unknown)
        return warn("settings", f"no setting: {named}", "such a variable changes nothing: see docs/operations.md")
    given = sorted(name for name in os.environ if name.startswith(PREFIX))
    sources = [*([str(config_file())] if config_file().is_file() else []), *given]
    return ok("settings", f"from {', '.join(sources)}" if sources else "all at their defaults")


def _disk(folder: Path) -> Finding:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{free / GIB:,.1f} GiB free in {folder}"
    advice = "make room, or name another folder with PULSEWIRE_DATA_DIR"
    if not os.access(existing, os.W_OK):
        return fail("disk", f"{folder} cannot be written", "name another folder with PULSEWIRE_DATA_DIR")
    if free < FULL:
        return fail("disk", detail, advice)
    return warn("disk", detail, advice) if free < TIGHT else ok("disk", detail)
