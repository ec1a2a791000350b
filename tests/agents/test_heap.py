"""What a worker's heap keeps of what was freed."""

import platform
import subprocess
import sys

import pytest

LIMIT = 10_000_000

# A worker of its own process, stopped where it would load the model: what it has freed by then, as fetches and batches
# are freed, among small blocks that live on, and how much of it the heap still holds.
WORKER = """
import ctypes, os
from streams.app import Worker
from streams.settings import load_settings

class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "used", "free", "keepcost")]

def load(*_args, **_how):
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Heap
    bytearray(30_000_000)
    for _ in range(100):
        large = bytearray(1_000_000)
        kept.append(bytearray(2_000))
        held.append(large)
    held.clear()
    print(mallinfo2().free, flush=True)
    os._exit(0)

kept, held = [], []
Worker(load_settings(metrics_port=0), load=load).run()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's heap")
def test_what_is_freed_is_given_back_to_the_system(tmp_path):
    found = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, check=True, timeout=120, cwd=tmp_path)
    assert int(found.stdout) < LIMIT
