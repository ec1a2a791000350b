"""A graph and the memory that it reads from and writes to, kept from one run to the next.

1. A run allocates nothing for its inputs and outputs, whatever its shape, and ONNX Runtime copies nothing on a CPU.
2. On CUDA the memory is pinned where the driver lets us: what is copied from pages that cannot be moved is on its way
   while kernels of other streams run. The code is the same on both.
3. One run at a time: each worker has a `Bound` of its own. What `run` returns is written over by the next run.
"""

import contextlib
import ctypes
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import packing
from models.manifest import Manifest

HOST: Final = "cpu"  # where what is bound lies; what runs on a device copies it itself
ALIGNED: Final = 64  # bytes: a cache line, and more than any type of ours
_MAPS: Final = Path("/proc/self/maps")  # of Linux: every library that is loaded


class Bound:
    """A session with its memory."""

    def __init__(self, session: Any, manifest: Manifest, *, tokens: int, pin: bool = False) -> None:
        """`tokens`: at most so many in a run, padding among them; `pin`: the session runs on CUDA."""
        self.session = session
        self._pad = manifest.pad
        self._widths = {head: len(labels) for head, labels in manifest.labels.items()}
        self._binding = session.io_binding()
        rows = tokens // packing.STEP
        sizes = [8 * tokens, 8 * tokens, *(4 * rows * width for width in self._widths.values())]
        # One block, since a page can be pinned but once
        block = np.zeros(sum(map(_aligned, sizes)), np.uint8)
        self.pinned = pin and _pin(self, block)
        parts = np.split(block, np.cumsum([_aligned(size) for size in sizes])[:-1])
        self._ids, self._mask = (part[: 8 * tokens].view(np.int64) for part in parts[:2])
        self._logits = {
            head: part[: 4 * rows * width].view(np.float32)
            for (head, width), part in zip(self._widths.items(), parts[2:], strict=True)
        }
        # Where each lies, asked once: numpy makes an object for every such question
        self._inputs = {"input_ids": self._ids.ctypes.data, "attention_mask": self._mask.ctypes.data}
        self._outputs = {head: array.ctypes.data for head, array in self._logits.items()}

    def run(self, rows: Sequence[Sequence[int]], length: int) -> list[NDArray[np.float32]]:
        """The logits (rows × labels) of each head, in the manifest's order, for rows of ids padded to `length`.

        Valid until the next run.
        """
        count, size = len(rows), len(rows) * length
        ids, mask = self._ids[:size].reshape(count, length), self._mask[:size].reshape(count, length)
        ids.fill(self._pad)
        mask.fill(0)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = 1
        for name, address in self._inputs.items():
            self._binding.bind_input(name, HOST, 0, np.int64, (count, length), address)
        for head, address in self._outputs.items():
            self._binding.bind_output(head, HOST, 0, np.float32, (count, self._widths[head]), address)
        self.session.run_with_iobinding(self._binding)
        return [self._logits[head][: count * width].reshape(count, width) for head, width in self._widths.items()]


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


def _pin(owner: object, block: NDArray[np.uint8]) -> bool:
    """Whether the pages of the block could be locked; they are let go when `owner` is."""
    runtime = _cuda_runtime()
    if runtime is None:
        return False
    address = ctypes.c_void_p(block.ctypes.data)
    if runtime.cudaHostRegister(address, ctypes.c_size_t(block.nbytes), 0):
        return False
    weakref.finalize(owner, _unpin, runtime, address, block)
    return True


def _unpin(runtime: Any, address: ctypes.c_void_p, _block: NDArray[np.uint8]) -> None:
    runtime.cudaHostUnregister(address)  # the block is there until now, since we hold it


def _cuda_runtime() -> Any:
    """CUDA's runtime as ONNX Runtime has loaded it; None where it has not."""
    with contextlib.suppress(OSError):
        for line in _MAPS.read_text().splitlines():
            path = line.split(maxsplit=5)[-1]
            if "libcudart.so" in path:
                return ctypes.CDLL(path)
    return None
