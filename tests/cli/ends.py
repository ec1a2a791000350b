"""How a command ended."""

import subprocess

from typer.testing import CliRunner

from streams.__main__ import program


def failed_with(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    """It ended with exit code 1, and one line that holds these words."""
    said = done.stderr.decode().splitlines()
    assert done.returncode == 1, done
    assert len(said) == 1, said
    assert said[0].startswith("pulsewire: "), said
    for word in words:
        assert word in said[0], said


def wrong_usage(*args: str, says: str) -> None:
    """Called so, the program ends with exit code 2 and says how it is used."""
    done = CliRunner().invoke(program(), args, env={"COLUMNS": "160", "NO_COLOR": "1"})
    is_wrong_usage(done.exit_code, done.stderr, says)


def is_wrong_usage(code: int, stderr: str, *words: str) -> None:
    """This is how a command ends that was called in a wrong way."""
    said = " ".join(stderr.replace("│", " ").split())
    assert code == 2, said
    assert said.startswith("Usage: "), said
    for word in words:
        assert word in said, said
