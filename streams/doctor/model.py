"""The bundle in force: is it whole, and where does inference really run."""

import os
import time
from pathlib import Path

from models import manifest, registry
from models.errors import ModelError
from models.runtime import Classifier
from streams.doctor.finding import Finding, fail, ok, warn
from streams.settings import Settings

PROBE = "Shares rise after strong results"


def examine(settings: Settings) -> list[Finding]:
    """Hashes, labels, graph; then a text is read."""
    folder = registry.resolved(settings.bundle, settings.data_dir)
    try:
        known = manifest.read(folder)
    except ModelError as error:
        return [fail("bundle", str(error), "")]
    heads = ", ".join(f"{head} ({len(labels)})" for head, labels in known.labels.items())
    found = ok("bundle", f"{known.name} in {folder}, every file as its manifest says; heads: {heads}")
    try:
        return [found, _device(folder, settings)]
    except ModelError as error:
        return [found, fail("inference", str(error), "")]


def _device(folder: Path, settings: Settings) -> Finding:
    classifier = Classifier.load(folder, threads=settings.threads, cache=0)
    try:
        started = time.perf_counter()
        classifier.classify([PROBE])
        took_ms = (time.perf_counter() - started) * 1_000
        detail = f"runs on {classifier.device}, {_workers(classifier)}; one text takes {took_ms:.0f} ms"
        if classifier.device == "CPU" and _has_gpu():
            return warn("inference", detail, "there is a GPU here: the extra `gpu` brings CUDA's libraries")
        return ok("inference", detail)
    finally:
        classifier.close()


def _workers(classifier: Classifier) -> str:
    count = classifier.threads
    if classifier.device == "CPU":
        return f"{count} thread{'s' * (count != 1)}"
    memory = "pinned memory" if classifier.pinned else "memory that could not be pinned"
    return f"{count} streams of {classifier.tokens_a_run:,} tokens a run, {memory}"


def _has_gpu() -> bool:
    return Path("/dev/nvidia0").exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""
