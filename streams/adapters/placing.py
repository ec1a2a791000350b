"""Which partition a key goes to: as every Kafka client places it that follows the Java client's default."""

from collections.abc import Callable

from aiokafka.partitioner import murmur2


def placing(partitions: int) -> Callable[[bytes], int]:
    """The partition of a key among so many."""
    return lambda key: (int(murmur2(key)) & 0x7FFFFFFF) % partitions
