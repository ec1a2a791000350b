"""The companies of the sample, as a watch list."""

import tomllib
from pathlib import Path

from streams.settings import Entity

WATCH_FILE = Path(__file__).parent / "watch.toml"


def sample_entities() -> tuple[Entity, ...]:
    """What `entities` in pulsewire.toml has to hold for the sample's companies to be found."""
    with WATCH_FILE.open("rb") as file:
        return tuple(Entity(**entry) for entry in tomllib.load(file)["entities"])
