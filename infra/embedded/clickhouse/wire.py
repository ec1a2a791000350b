"""Compression in both directions, by the names of HTTP."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any, Protocol

import lz4.frame
import zstandard

from infra.embedded.clickhouse.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable


def decompress(body: bytes, encoding: str) -> bytes:
    """A request's body as it was before compression."""
    decoders: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        "identity": bytes,
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        "zstd": _unzstd,
        "lz4": _unlz4,
    }
    if encoding not in decoders:
        raise StoreError(432, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method {encoding!r}.")
    try:
        return decoders[encoding](body)
    except (OSError, EOFError, RuntimeError, zlib.error, zstandard.ZstdError) as error:
        raise StoreError(271, "CANNOT_DECOMPRESS", f"Cannot decompress the request's body: {error}.") from error


class Compressor(Protocol):
    """Compresses a body piece by piece."""

    def compress(self, data: bytes, /) -> bytes:
        """What can be sent already."""

    def flush(self) -> bytes:
        """The rest."""


class Plain:
    """No compression."""

    def compress(self, data: bytes, /) -> bytes:
        """The same bytes."""
        return data

    def flush(self) -> bytes:
        """Nothing."""
        return b""


class _Lz4:
    """Frames of lz4, which want a head before anything else."""

    def __init__(self) -> None:
        self._frame: Any = lz4.frame.LZ4FrameCompressor()
        self._head: bytes = self._frame.begin()

    def compress(self, data: bytes, /) -> bytes:
        return self._take_head() + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        return self._take_head() + bytes(self._frame.flush())

    def _take_head(self) -> bytes:
        head, self._head = self._head, b""
        return head


def compressor(accepted: str) -> tuple[str, Compressor]:
    """The best that the client accepts, by its name ('' for none)."""
    names = {name.split(";")[0].strip() for name in accepted.lower().split(",")}
    if "lz4" in names:
        return "lz4", _Lz4()
    if "zstd" in names:
        zstd: Compressor = zstandard.ZstdCompressor(level=1).compressobj()
        return "zstd", zstd
    if "gzip" in names:
        return "gzip", zlib.compressobj(1, zlib.DEFLATED, 31)
    return "", Plain()


def _unzstd(body: bytes) -> bytes:
    return _unframe(body, lambda: zstandard.ZstdDecompressor().decompressobj())


def _unlz4(body: bytes) -> bytes:
    return _unframe(body, lz4.frame.LZ4FrameDecompressor)


def _unframe(body: bytes, make: Callable[[], Any]) -> bytes:
    """Clients send one frame after the other; one that is cut off must not pass for a shorter one."""
    pieces = []
    while body:
        frame = make()
        pieces.append(frame.decompress(body))
        if not frame.eof:
            raise EOFError("it is cut off")
        body = frame.unused_data or b""
    return b"".join(pieces)
