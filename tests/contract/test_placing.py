"""Keys go where the producer sends them."""

import tracemalloc

import pytest
from aiokafka.partitioner import DefaultPartitioner

from streams.adapters.placing import placing
from streams.adapters.publisher import _placed


@pytest.mark.parametrize("key", [b"", b"logs|service|payments", "news|entity|苹果".encode(), bytes(range(256))])
@pytest.mark.parametrize("partitions", [1, 4, 7])
def test_a_key_is_placed_as_the_producer_places_it(key, partitions):
    assert placing(partitions)(key) == DefaultPartitioner()(key, list(range(partitions)), [0])


def test_a_key_is_placed_as_the_java_client_places_it():
    """From Kafka's own UtilsTest."""
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    assert {key: placing(0x7FFFFFFF)(key) for key in known} == {
        key: (number & 0x7FFFFFFF) % 0x7FFFFFFF for key, number in known.items()
    }


def test_long_keys_are_placed_and_not_kept():
    tracemalloc.start()
    try:
        for number in range(20):
            key = number.to_bytes(4) * 2_000
            assert _placed(key, 7) == placing(7)(key)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 50_000
