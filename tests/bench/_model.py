"""What many workers would need, on paper, from what one event costs here. Nothing in it is measured at that size."""

import math

import msgspec

BROKER_CORES = 8  # of one broker's machine, half of them for what comes on top
STORE_CORES = 16  # of one shard's machine, half of them for reading
BROKER_BYTES = 100e6  # that one broker takes a second, of all copies
COPIES = 3  # that Kafka keeps
INSERTS = 50  # a second that one shard takes, of both tables, before its merges fall behind
PARTITIONS = 1_000  # of a topic, that the settings allow
TICK_S = 60  # of event time, after which each partition tells each partition of `windows` how far it is
TICKS = 20_000  # messages a second beyond which ticks are most of what brokers do


class Cost(msgspec.Struct, frozen=True):
    """Of one event, measured."""

    worker_s: float  # of a core
    broker_s: float
    store_s: float
    broker_bytes: float  # on disk, one copy
    inserts: float


class Need(msgspec.Struct, frozen=True):
    """Of so many workers, each with a core, at full load."""

    workers: int
    events_per_s: float
    partitions: int
    brokers: int
    shards: int
    inserts_per_s: float
    ticks_per_s: float

    def gives(self):
        """What has to change first, or nothing."""
        shares = {
            "partitions, at the settings' limit": self.partitions / PARTITIONS,
            "ticks, which grow with the square of partitions": self.ticks_per_s / TICKS,
            "one broker": self.brokers / 2,
            "one store": self.shards / 2,
        }
        worst = max(shares, key=lambda name: shares[name])
        return worst if shares[worst] >= 1 else "nothing"


def need(workers, cost):
    """What so many workers need. A partition is read by one worker, so there are as many of each topic."""
    rate = workers / cost.worker_s
    inserts = rate * cost.inserts
    brokers = max(rate * cost.broker_s / (BROKER_CORES / 2), rate * cost.broker_bytes * COPIES / BROKER_BYTES)
    shards = max(rate * cost.store_s / (STORE_CORES / 2), inserts / INSERTS)
    return Need(workers, rate, workers, math.ceil(brokers), math.ceil(shards), inserts, 3 * workers**2 / TICK_S)


def rows(cost):
    """The model's table."""
    return [
        {
            "workers": f"{one.workers:,}",
            "events/s": f"{one.events_per_s:,.0f}",
            "partitions": f"{one.partitions:,}",
            f"brokers of {BROKER_CORES} cores": f"{one.brokers:,}",
            f"store shards of {STORE_CORES} cores": f"{one.shards:,}",
            "inserts/s": f"{one.inserts_per_s:,.0f}",
            "ticks/s": f"{one.ticks_per_s:,.0f}",
            "gives first": one.gives(),
        }
        for one in (need(workers, cost) for workers in (10, 100, 1_000))
    ]
