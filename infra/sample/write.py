"""`python -m infra.sample.write FOLDER`: the sample as three files, for `pulsewire ingest jsonl`."""

import sys
import time
from pathlib import Path

from infra.sample.generate import sample_events
from infra.sample.replay import hour_start, item_of


def write(folder: Path, *, now_ms: int) -> list[Path]:
    """Write news.jsonl, logs.jsonl and user.jsonl, an hour that ends now."""
    folder.mkdir(parents=True, exist_ok=True)
    start_ms, written = hour_start(now_ms), []
    for kind, events in sample_events().items():
        path = folder / f"{kind}.jsonl"
        path.write_bytes(b"".join(item_of(event, start_ms=start_ms).value + b"\n" for event in events))
        written.append(path)
    return written


if __name__ == "__main__":
    for path in write(Path(sys.argv[1] if len(sys.argv) > 1 else "."), now_ms=time.time_ns() // 1_000_000):
        print(path)
