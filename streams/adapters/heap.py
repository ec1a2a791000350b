"""Has glibc give large blocks back to the system when they are freed.

Kafka's fetches, the batches that we send and the store's inserts are buffers of up to megabytes. Each that is freed has
glibc raise the size from which blocks are mapped one by one, up to 32 MB, and those below it go into the heap, between
small ones that live on. What is freed there is neither given back nor whole enough for the next buffer: the heap grows
without anything in it. A fixed size ends that.
"""

import ctypes
import sys
from typing import Final

MAPPED_FROM: Final = 128 * 1_024  # bytes: where glibc begins
_M_MMAP_THRESHOLD: Final = -3


def keep_little() -> None:
    """Call it before anything large is freed. Elsewhere than on glibc it does nothing."""
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM)
