"""Headers with names that are no UTF-8: Kafka takes them, and no client for Python makes them."""

import struct

from aiokafka.record.util import calc_crc32c

NAME = "broken-name-here"  # what to call a header whose name is to be broken; as long in bytes
BYTES = b"\xff\xfeoken\xc3name-here"
READ = BYTES.decode(errors="replace")
_CRC_AT, _AFTER_CRC = 17, 21


def broken(raw):
    """The bytes of a batch that is not compressed, with these names broken."""
    made = bytearray(raw.replace(NAME.encode(), BYTES))
    struct.pack_into(">I", made, _CRC_AT, calc_crc32c(bytes(made[_AFTER_CRC:])))
    return made


def breaking(batch):
    """A producer's batch that is sent with these names broken."""
    build = batch._build

    def built():
        if batch._buffer is None:
            batch._buffer = broken(bytes(build()))
        return batch._buffer

    batch._build = built
    return batch
