"""How a command ended."""

import subprocess


def failed_with(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    """It ended with exit code 1, and one line that holds these words."""
    said = done.stderr.decode().splitlines()
    assert done.returncode == 1, done
    assert len(said) == 1, said
    assert said[0].startswith("pulsewire: "), said
    for word in words:
        assert word in said[0], said


def was_wrong_usage(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    """It ended with exit code 2, and said how it is used."""
    said = " ".join(done.stderr.decode().replace("│", " ").split())
    assert done.returncode == 2, done
    assert said.startswith("Usage: "), said
    for word in words:
        assert word in said, said
