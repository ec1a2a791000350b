"""Where things are: the few settings that models share with the stream, found the same way.

A `PULSEWIRE_*` variable, else `pulsewire.toml` in the working folder (or the file that `PULSEWIRE_CONFIG` names),
else the default. The stream's own settings validate the whole file; here only paths are read.
"""

import os
import tomllib
from pathlib import Path

PREFIX = "PULSEWIRE_"


def place(name: str) -> Path | None:
    """The path that the setting `name` (such as `data_dir`) gives, or None where nobody set it."""
    given = os.environ.get(PREFIX + name.upper()) or _file().get(name)
    return Path(str(given)) if given else None


def data_dir() -> Path:
    """The folder of everything that Pulsewire writes."""
    return place("data_dir") or Path(".pulsewire")


def seed_data() -> Path:
    """The folder of labelled texts; it may not exist."""
    return place("seed_data") or Path("../shared/data")


def _file() -> dict[str, object]:
    path = Path(os.environ.get(PREFIX + "CONFIG") or "pulsewire.toml")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the stream's settings complain of it; a path does not need it
        return {}
