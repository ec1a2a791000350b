"""Run by a test as a process of its own, to be killed: a whole stack, and a part with a stubborn grandchild."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from infra.embedded.part import Part
from infra.embedded.stack import Stack

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STUBBORN!r}])"


async def yes() -> bool:
    return True


async def main() -> None:
    async with Stack(Path(sys.argv[1]), say=lambda _: None) as stack:
        await stack.supervisor.add(Part(name="stubborn", argv=(sys.executable, "-c", PARENT), ready=yes, grace_s=1.0))
        print(json.dumps(stack.supervisor.pids()), flush=True)
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main())
