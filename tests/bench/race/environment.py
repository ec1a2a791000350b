"""The peers' own environment: their libraries at pinned versions, in a folder that no other program uses."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

from models.console import messages
from streams.errors import PulsewireError

PROGRAMS = Path(__file__).parent / "peers"
REQUIREMENTS = PROGRAMS / "requirements.txt"
OFFLINE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
SHOWN = (
    "transformers", "torch", "onnxruntime", "optimum-onnx", "infinity-emb", "faust-streaming", "quixstreams",
    "faststream", "bytewax", "clickhouse-connect",
)  # fmt: skip


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/pulsewire/peers`, by default below `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pulsewire" / "peers"


def python_of_peers(cache: Path) -> Path:
    """The interpreter of an environment with exactly what requirements.txt names, made where there is none yet.

    Raises:
        PulsewireError: it cannot be made, such as without a network.
    """
    folder = cache / f"python-{_hash()}"
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        messages.print("installing the peers' libraries (7 GB with CUDA's, once) ...")
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        _uv("pip", "sync", "--python", str(python), str(REQUIREMENTS))
        (folder / "whole").touch()
    return python


def quantized(python: Path, weights: Path) -> None:
    """Have optimum put the int8 graph beside the weights, where it is not there yet."""
    if (weights / "int8" / "tokenizer.json").exists():
        return
    messages.print("quantizing the peers' model with optimum ...")
    shutil.rmtree(weights / "int8", ignore_errors=True)
    command = [str(python), str(PROGRAMS / "quantize.py"), str(weights)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        raise PulsewireError(f"optimum cannot quantize {weights}: {_last(done.stderr)}")


def environment() -> dict[str, str]:
    """Of a peer's process: ours, without our modules on its path, and without a hub to ask."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | OFFLINE


def versions() -> dict[str, str]:
    """What the peers run on, by name."""
    pinned = map(Requirement, REQUIREMENTS.read_text("utf-8").splitlines())
    found = {
        one.name: str(one.specifier).removeprefix("==") for one in pinned if not one.marker or one.marker.evaluate()
    }
    return {name: found[name] for name in SHOWN if name in found}


def _uv(*arguments: str) -> None:
    """Run it, its own bars on a terminal; what it says elsewhere is told only where it fails."""
    pipe = None if messages.is_terminal else subprocess.PIPE
    done = subprocess.run([sys.executable, "-m", "uv", *arguments], stderr=pipe, text=True, check=False)
    if done.returncode:
        raise PulsewireError(
            f"the peers' libraries cannot be installed ({_last(done.stderr)}): it takes the network once, then none"
        )


def _last(said: str | None) -> str:
    return ((said or "").strip().splitlines() or ["see above"])[-1].strip()


def _hash() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
