"""What can go wrong, by name, and the seeded order in which it does.

`kill at stored` is a SIGKILL at a named point of `streams.faults`; the others come from outside.
"""

import random
from dataclasses import dataclass

from streams.faults import POINTS

STOPPED = ("counted", "events.insert", "windows.insert", "stored", "produce", "acknowledge", "alerts.insert")
RAISED = (
    "decode.before", "decode.after", "inference", "restore", "counted", "events.insert", "windows.insert", "stored",
    "samples.insert", "produce", "produce.sent", "alerts.publish", "alerts.insert",
)  # fmt: skip
SLEPT = ("counted", "produce.sent", "acknowledge")
OUTSIDE = (
    "kill a worker", "kill two workers", "stop a worker", "kill the store", "kill the broker",
    "kill the store and a worker", "a worker leaves and comes", "a worker more for a while",
    "offsets back to the earliest", "an event that kills",
    "a slow store", "a store that cuts connections", "a store that answers 500", "a store whose answers are lost",
    "the store away for a while", "the broker away for a while", "the clock an hour on", "the clock an hour back",
    "no memory left for a while", "a model file cut off",
    "the store's disk full", "the broker's disk full", "a topic gets a partition more",
)  # fmt: skip

KINDS = (
    *(f"kill at {point}" for point in POINTS),
    *(f"stop at {point}" for point in STOPPED),
    *(f"raise at {point}" for point in RAISED),
    *(f"sleep at {point}" for point in SLEPT),
    *OUTSIDE,
)


# Those that come by themselves within a second or two: for a run in every test
SHORT = (
    "kill at decode.after", "kill at windows.insert", "kill at stored", "kill at produce.sent",
    "kill at acknowledge.half", "raise at events.insert", "raise at windows.insert", "raise at produce",
    "kill a worker", "stop a worker", "kill the store and a worker", "kill the broker",
    "a store whose answers are lost",
)  # fmt: skip


@dataclass(frozen=True)
class Strike:
    """One fault of a run."""

    number: int
    kind: str
    nth: int  # time that the point is reached
    wait_s: float  # before it is armed
    victim: float  # which worker, as a share of those there are
    away_s: float  # how long beyond the session timeout who is stopped stays so

    @property
    def point(self):
        """(action, point), or None of what comes from outside."""
        action, at, point = self.kind.partition(" at ")
        return (action, point) if at else None


def plan(count, *, seed, kinds=KINDS):
    """`count` faults: every kind once in a shuffled order before any comes again."""
    rng = random.Random(seed)
    order = []
    while len(order) < count:
        order += rng.sample(kinds, len(kinds))
    return [
        Strike(number, kind, rng.randint(1, 4), rng.uniform(0.2, 2), rng.random(), rng.uniform(1, 4))
        for number, kind in enumerate(order[:count], 1)
    ]


def chosen(words):
    """The kinds whose names hold one of these words; all, if there are none."""
    return tuple(kind for kind in KINDS if not words or any(word in kind for word in words))
