"""How long to wait before trying again: exponential, with full jitter, capped.

The jitter comes in as a number, so that the schedule stays a function. Source: M. Brooker, "Exponential Backoff And
Jitter", 2015.
"""

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """A schedule of waits, in seconds."""

    first_s: float = 0.1
    factor: float = 2.0
    cap_s: float = 10.0

    def wait_s(self, attempt: int, jitter: float) -> float:
        """The wait before try `attempt` + 1; `attempt` counts from 0, `jitter` lies in [0, 1).

        At least half of the full wait, so that a burst of retries cannot come at once.
        """
        full = min(self.cap_s, self.first_s * self.factor ** min(attempt, 32))
        return full * (0.5 + jitter / 2)
