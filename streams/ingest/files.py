"""Bytes out of files, standard input and files that grow."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Final

from streams.errors import PulsewireError

STDIN: Final = "-"
CHUNK_BYTES: Final = 262_144
LOOK_EVERY_S: Final = 0.25

OnRead = Callable[[int], None]  # told how many bytes of the file were read since it was last told


class NoSource(PulsewireError):  # noqa: N818 - it says what is so
    """A file that cannot be read."""


def size_of(source: str) -> int:
    """Bytes of a source as it lies on disk; 0 where nobody can know.

    Raises:
        NoSource: there is no such file, or it is a folder, or it is not ours to read.
    """
    if source == STDIN:
        return 0
    path = Path(source)
    if path.is_dir():
        raise NoSource(f"{source} is a folder: name the files in it")
    try:
        with path.open("rb"):
            return path.stat().st_size if path.is_file() else 0
    except OSError as error:
        raise NoSource(f"{source} cannot be read: {error.strerror}") from None


async def read_chunks(source: str, *, on_read: OnRead) -> AsyncIterator[bytes]:
    """The source's bytes to its end; `.gz` is unpacked on the way.

    Raises:
        NoSource: it cannot be read, or its gzip is damaged.
    """
    if source == STDIN:
        async for chunk in _standard_input():
            on_read(len(chunk))
            yield chunk
        return
    try:
        with Path(source).open("rb") as raw:  # noqa: ASYNC230 - the reads, which may be slow, are in threads
            unpacked: BinaryIO = gzip.GzipFile(fileobj=raw) if source.endswith(".gz") else raw  # type: ignore[assignment]
            told = 0
            while chunk := await asyncio.to_thread(unpacked.read, CHUNK_BYTES):
                on_read(raw.tell() - told)
                told = raw.tell()
                yield chunk
    except (OSError, EOFError) as error:
        raise NoSource(f"{source} cannot be read to its end: {error}") from None


async def follow_chunks(source: str, *, new_only: bool = False) -> AsyncIterator[bytes | None]:
    """A file's bytes and whatever is added to it, for ever: over rotation (another file under the name), truncation
    and absence. None when there is nothing new for now.
    """
    path = Path(source)
    handle: BinaryIO | None = None
    ended = True  # whether what we gave so far ends with a line feed
    try:
        while True:
            if handle is None and (handle := _open(path)) and new_only:
                handle.seek(0, os.SEEK_END)
            new_only = False
            if handle is not None:
                while chunk := handle.read(CHUNK_BYTES):
                    ended = chunk.endswith(b"\n")
                    yield chunk
                if _replaced(path, handle):
                    while chunk := handle.read(CHUNK_BYTES):  # written between our last read and the rotation
                        ended = chunk.endswith(b"\n")
                        yield chunk
                    if not ended:
                        yield b"\n"
                    ended = True
                    handle.close()
                    handle = _open(path)
                    continue
                if os.fstat(handle.fileno()).st_size < handle.tell():
                    handle.seek(0)
                    continue
            yield None
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        if handle is not None:
            handle.close()


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except OSError:
        return None


def _replaced(path: Path, handle: BinaryIO) -> bool:
    """Whether another file stands under the name by now. A name that is gone is waited for."""
    try:
        now = path.stat()
    except OSError:
        return False
    ours = os.fstat(handle.fileno())
    return (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino)


async def _standard_input() -> AsyncIterator[bytes]:
    """Whatever has arrived, as soon as it has; the loop goes on meanwhile, and can be stopped."""
    while chunk := await _arrived(0):
        yield chunk


async def _arrived(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except (OSError, NotImplementedError):  # a regular file is always ready; Windows waits in a thread
        return await asyncio.to_thread(os.read, descriptor, CHUNK_BYTES)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, CHUNK_BYTES)
