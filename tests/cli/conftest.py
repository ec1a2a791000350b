"""The real program, as a process of its own; and the embedded stack with our topics and tables."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from infra.init import initialise
from streams.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunningStack

PATIENCE_S = 60
NOWHERE = {"PULSEWIRE_KAFKA": "127.0.0.1:1", "PULSEWIRE_CLICKHOUSE": "http://127.0.0.1:1"}


class Program:
    """`pulsewire` with an environment of its own: no setting of the machine reaches it."""

    def __init__(self, folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PULSEWIRE_")}
        self.env = kept | {"PULSEWIRE_DATA_DIR": str(folder / "data"), "COLUMNS": "160", "NO_COLOR": "1"}

    def __call__(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self._argv(args), input=stdin, capture_output=True, env=self.env, timeout=PATIENCE_S, check=False
        )

    @staticmethod
    def _argv(args: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "streams", *args]

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._argv(args),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
        )

    def on_terminal(self, *args: str) -> str:
        """What somebody would see on standard output, were it a terminal."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self._argv(args), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=self.env
        )
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 65_536):
                seen += piece
        except OSError:  # how Linux says that the other side is closed
            pass
        finally:
            os.close(ours)
            process.wait(PATIENCE_S)
        return seen.decode()


@pytest.fixture
def pulsewire(tmp_path: Path) -> Program:
    """The program, with nothing at its addresses."""
    program = Program(tmp_path)
    program.env |= NOWHERE
    return program


@pytest.fixture(scope="session")
def settings(stack: RunningStack) -> Settings:
    """The settings of the embedded stack, with topics and tables made."""
    made = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    asyncio.run(initialise(made))
    return made


@pytest.fixture
def on_stack(pulsewire: Program, settings: Settings) -> Program:
    """The program on the embedded stack."""
    pulsewire.env |= {"PULSEWIRE_KAFKA": settings.kafka, "PULSEWIRE_CLICKHOUSE": settings.clickhouse}
    return pulsewire
