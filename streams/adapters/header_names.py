"""Has aiokafka read records whose headers have names that are no UTF-8.

Kafka takes them from any producer. aiokafka (0.14) raises over them, wherever and as often as they are read, so that
one such record would stand in the way of its partition for good. Here their names have U+FFFD in place of what is
wrong; keys, values and what headers say are untouched.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def forgive_header_names() -> None:
    """Have every consumer of this process read them. Whoever makes a consumer calls it; again is no harm."""
    fetcher.MemoryRecords = ForgivingRecords


class ForgivingRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """What one fetch brought of a partition, batch by batch, as aiokafka's but for the names."""

    def next_batch(self) -> Any:
        """The next batch, or None."""
        raw, batch = self._next_slice, super().next_batch()
        # Control batches are not ours, and those of old formats have no headers
        return batch if batch is None or batch.is_control_batch or batch.magic < 2 else _Batch(batch, raw)


class _Batch:
    """A batch that is read again from the record on over which aiokafka raised, slowly, with any names."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch, self._raw = batch, raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        count = 0
        try:
            for record in self._batch:
                yield record
                count += 1
        except UnicodeDecodeError:
            yield from islice(_Forgiving(self._raw), count, None)


class _Forgiving(_DefaultRecordBatchPy):  # type: ignore[misc]
    """aiokafka's own reader in Python, over bytes that it can decode."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: _Decodable = _Decodable(self._buffer)


class _Decodable(bytearray):
    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Decodable(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        """As text, whatever it is."""
        return super().decode(encoding, errors)
