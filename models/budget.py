"""How many tokens a device is to be given at once, learnt from the device itself.

A CPU is at its best with a few hundred. A GPU wants so many that all its multiprocessors have work, and how many that
is depends on the card, so it is tried at the start: twice as many each time, until a run takes too long.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

BUDGETS: Final = tuple(2**power for power in range(8, 17))  # 256 to 65,536 tokens
WITHIN_S: Final = 0.05  # a run may take so long: an urgent text waits for the one before
ENOUGH: Final = 0.9  # of the best pace: more for the last tenth would only make answers late


def learnt(run: Callable[[int], None], *, clock: Callable[[], float] = time.perf_counter) -> int:
    """The budget to use where `run(tokens)` reads so many at once.

    A budget that the device has no memory for ends the climb; the least one must be possible.
    """
    took: dict[int, float] = {}
    for tokens in BUDGETS:
        try:
            run(tokens)  # what is new to the device is loaded and allocated now
            began = clock()
            run(tokens)
            took[tokens] = clock() - began
        except Exception:  # ONNX Runtime has no public base class of its own
            if not took:
                raise
            break
        if took[tokens] > WITHIN_S:
            break
    return chosen(took)


def chosen(took: Mapping[int, float]) -> int:
    """The least budget with nearly the best pace, of those within the time; `took`: tokens -> seconds."""
    allowed = {tokens: seconds for tokens, seconds in took.items() if seconds <= WITHIN_S}
    if not allowed:
        return min(took)
    best = max(tokens / seconds for tokens, seconds in allowed.items())
    return min(tokens for tokens, seconds in allowed.items() if tokens / seconds >= ENOUGH * best)
