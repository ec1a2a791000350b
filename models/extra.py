"""Whether the extra `train` is here: training and export need it, the running program does not."""

from importlib.util import find_spec

from models.errors import ExtraMissing

NEEDED = ("torch", "transformers", "safetensors", "onnx", "peft", "tensorboard")


def require_train() -> None:
    """`ExtraMissing`, with what to type, where a library of the extra is not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        msg = f"{', '.join(missing)} not installed: run `uv sync --extra train` first"
        raise ExtraMissing(msg)
