"""What can go wrong, by name, and the seeded order in which it does.

`kill at stored` is a SIGKILL at a named point of `streams.faults`; the others come from outside. Kinds of one family
test the same promise.
"""

import random
from collections import Counter
from dataclasses import dataclass

from streams.faults import POINTS

JOINING = ("revoked", "rebalance", "restore", "marked", "shutdown")  # points that are passed when workers come or leave
STOPPED = (
    "revoked", "counted", "windows.insert", "stored", "produce", "acknowledge", "alerts.insert", "alerts.publish",
)  # fmt: skip
SLEPT = ("produce.sent", "acknowledge")
RAISED = (
    "decode.before", "decode.after", "inference", "counted", "events.insert", "windows.insert", "stored",
    "samples.insert", "produce", "produce.sent", "alerts.insert", "alerts.publish",
)  # fmt: skip
FAMILIES = {
    "a worker killed": (
        *(f"kill at {point}" for point in POINTS if point not in JOINING), "kill a worker", "kill two workers",
    ),
    "a zombie": (*(f"stop at {point}" for point in STOPPED), "stop a worker"),
    "a transport that raises, a loop that stands still": (
        *(f"raise at {point}" for point in RAISED), *(f"sleep at {point}" for point in SLEPT),
    ),
    "workers come and leave": (
        "a worker leaves and comes", "a worker more for a while", *(f"kill at {point}" for point in JOINING),
        "raise at restore",
    ),
    "the broker killed": ("kill the broker",),
    "the broker away": ("the broker away for a minute",),
    "the store killed": ("kill the store", "kill the store and a worker"),
    "the store killed in an insert": ("kill the store in an insert",),
    "the store away": ("the store away for a while",),
    "the store slow": ("a slow store",),
    "connections cut": ("a store that cuts connections", "a store that cuts answers off"),
    "the store refuses": ("a store that answers 500",),
    "answers lost": ("a store whose answers are lost",),
    "the store's disk full": ("the store's disk full",),
    "the broker's disk full": ("the broker's disk full",),
    "more partitions": ("a topic gets a partition more",),
    "offsets reset": ("offsets back to the earliest", "one offset back to the earliest", "the group forgotten"),
    "the clock jumps": ("the clock an hour on", "the clock an hour back"),
    "a bundle torn or missing": (
        "a model file cut off", "a model file missing", "a manifest cut off", "a tokenizer cut off",
    ),
    "memory short": ("no memory left for a while",),
    "poison that kills": ("an event that kills",),
}  # fmt: skip
FAMILY = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}
KINDS = tuple(FAMILY)

# What is read again is all that was sent so far: after 50 minutes that is half a million events
SOONER = {
    "offsets back to the earliest": 1 / 20,
    "the group forgotten": 1 / 20,
    "one offset back to the earliest": 1 / 10,
}

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
    """`count` faults in a shuffled order: every kind once, then of the families that came least often."""
    rng = random.Random(seed)
    times, of_family = Counter(), Counter()
    for _ in range(count):
        kind = min(kinds, key=lambda one: (times[one] > 0, of_family[FAMILY[one]], times[one], rng.random()))
        times[kind] += 1
        of_family[FAMILY[kind]] += 1
    order = sorted(times.elements(), key=lambda kind: rng.random() * SOONER.get(kind, 1))
    return [
        Strike(number, kind, rng.randint(1, 4), rng.uniform(0.2, 2), rng.random(), rng.uniform(1, 4))
        for number, kind in enumerate(order, 1)
    ]


def chosen(words):
    """The kinds whose names hold one of these words; all, if there are none."""
    return tuple(kind for kind in KINDS if not words or any(word in kind for word in words))
