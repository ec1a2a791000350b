"""From bytes to messages: each function reads its sources in order and gives what their lines make."""

import asyncio
import codecs
import csv
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from streams.ingest import csvrows, jsonl
from streams.ingest.files import CHUNK_BYTES, STDIN, OnRead, follow_chunks, read_chunks
from streams.ingest.item import Read, Refusal
from streams.ingest.lines import LINE_BYTES, LineSplitter
from streams.ingest.logformats import LogFormat
from streams.ingest.loglines import LogReader
from streams.ingest.shape import Shape, Shaper

SNIFFED_LINES: Final = 20
SETTLED_S: Final = 1.0  # a record that grows no more for this long is complete
BOM: Final = "\ufeff"
TOO_LONG: Final = f"a line of more than {LINE_BYTES:,} bytes"


class Plan(msgspec.Struct, frozen=True):
    """What is asked of every reader alike."""

    shape: Shape
    timed: bool = False
    shift_ms: int | None = 0
    skip: int = 0

    def shaper(self) -> Shaper:
        """A shaper for one stream."""
        return Shaper(self.shape, now_ms=now_ms, timed=self.timed, shift_ms=self.shift_ms)


def now_ms() -> int:
    """The clock."""
    return time.time_ns() // 1_000_000


async def json_lines(sources: Sequence[str], plan: Plan, *, raw: bool, on_read: OnRead) -> AsyncGenerator[Read, None]:
    """JSON lines; with `raw`, lines of anything."""
    shaper = plan.shaper()
    for source in sources:
        async for number, line in _lines(source, on_read=on_read):
            if number <= plan.skip:
                continue
            if line is None:
                yield Refusal("too_large", TOO_LONG, source, number)
            elif raw:
                if item := jsonl.raw_line(line, number=number, source=source):
                    yield item
            elif read := jsonl.read_line(
                line.removeprefix(codecs.BOM_UTF8) if number == 1 else line, number=number, source=source, shaper=shaper
            ):
                yield read


async def csv_rows(
    sources: Sequence[str], plan: Plan, *, encoding: str, delimiter: str | None, on_read: OnRead
) -> AsyncGenerator[Read, None]:
    """CSV files, each with a header of its own."""
    csv.field_size_limit(LINE_BYTES)
    shaper = plan.shaper()
    for source in sources:
        async for read in _csv_file(source, shaper, plan=plan, encoding=encoding, delimiter=delimiter, on_read=on_read):
            yield read


async def _csv_file(
    source: str, shaper: Shaper, *, plan: Plan, encoding: str, delimiter: str | None, on_read: OnRead
) -> AsyncGenerator[Read, None]:
    header: list[str] | None = None
    async for number, cells in _records(source, encoding=encoding, delimiter=delimiter, on_read=on_read):
        if isinstance(cells, Refusal):
            yield msgspec.structs.replace(cells, source=source, line=number)
        elif header is None:
            header = [name.strip() for name in cells]
        elif number > plan.skip:
            yield csvrows.read_cells(cells, header=header, number=number, source=source, shaper=shaper)


async def _records(
    source: str, *, encoding: str, delimiter: str | None, on_read: OnRead
) -> AsyncIterator[tuple[int, list[str] | Refusal]]:
    """Numbered records. The first lines wait until there are enough of them to tell the delimiter."""
    records = csvrows.Records(delimiter) if delimiter else None
    waiting: list[tuple[int, str]] = []
    async for number, line in _text_lines(source, encoding=encoding, on_read=on_read):
        if line is None:
            yield number, Refusal("not_text", f"not {encoding}, or too long: see --encoding")
            continue
        if records is None:
            waiting.append((number, line))
            if len(waiting) < SNIFFED_LINES:
                continue
            records = csvrows.Records(csvrows.sniff([text for _, text in waiting]))
        for at, text in waiting or [(number, line)]:
            for record in records.feed(at, text):
                yield record
        waiting = []
    records = records or csvrows.Records(csvrows.sniff([text for _, text in waiting]))
    for at, text in waiting:
        for record in records.feed(at, text):
            yield record
    for record in records.close():
        yield record


class LogOptions(msgspec.Struct, frozen=True):
    """How log files are read."""

    service: str | None = None
    encoding: str = "utf-8"
    own: LogFormat | None = None
    follow: bool = False
    new_only: bool = False


async def log_lines(
    sources: Sequence[str], plan: Plan, options: LogOptions, *, on_read: OnRead
) -> AsyncGenerator[Read, None]:
    """Log files one after the other; followed ones side by side, for ever."""
    shaper = plan.shaper()
    if options.follow:
        async for read in _side_by_side([_followed(source, shaper, plan, options) for source in sources]):
            yield read
        return
    for source in sources:
        reader = _reader(source, shaper, plan, options)
        async for number, line in _lines(source, on_read=on_read):
            if line is None:
                yield Refusal("too_large", TOO_LONG, source, number)
            elif number > plan.skip:
                for read in reader.feed(line.decode(options.encoding, "replace"), number=number):
                    yield read
        for read in reader.flush():
            yield read


async def _followed(source: str, shaper: Shaper, plan: Plan, options: LogOptions) -> AsyncGenerator[Read, None]:
    reader, splitter = _reader(source, shaper, plan, options), LineSplitter()
    grown_s = time.monotonic()
    async for chunk in follow_chunks(source, new_only=options.new_only):
        if chunk is None:
            if time.monotonic() - grown_s > SETTLED_S:
                for read in reader.flush():
                    yield read
            continue
        grown_s = time.monotonic()
        for number, line in splitter.feed(chunk):
            if line is None:
                yield Refusal("too_large", TOO_LONG, source, number)
                continue
            for read in reader.feed(line.decode(options.encoding, "replace"), number=number):
                yield read


async def _side_by_side(streams: Sequence[AsyncGenerator[Read, None]]) -> AsyncGenerator[Read, None]:
    queue: asyncio.Queue[Read] = asyncio.Queue(maxsize=1_000)

    async def carry(stream: AsyncGenerator[Read, None]) -> None:
        async for read in stream:
            await queue.put(read)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(carry(stream)) for stream in streams]
        try:
            while True:
                yield await queue.get()
        finally:
            for task in running:
                task.cancel()


def _reader(source: str, shaper: Shaper, plan: Plan, options: LogOptions) -> LogReader:
    service = options.service or ("stdin" if source == STDIN else Path(source.removesuffix(".gz")).stem)
    return LogReader(
        service=service, source=source, shaper=shaper, now_ms=now_ms, own=options.own, zone=plan.shape.zone
    )


async def _lines(source: str, *, on_read: OnRead) -> AsyncIterator[tuple[int, bytes | None]]:
    splitter = LineSplitter()
    async for chunk in read_chunks(source, on_read=on_read):
        for line in splitter.feed(chunk):
            yield line
    for line in splitter.close():
        yield line


async def _text_lines(source: str, *, encoding: str, on_read: OnRead) -> AsyncIterator[tuple[int, str | None]]:
    """Lines as text; None for one that is not in this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    plain = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii")
    splitter = LineSplitter()

    async def chunks() -> AsyncIterator[bytes]:
        async for chunk in read_chunks(source, on_read=on_read):
            yield chunk if plain else decoder.decode(chunk).encode("utf-8", "replace")

    async for chunk in chunks():
        for start in range(0, len(chunk), CHUNK_BYTES):
            for number, line in splitter.feed(chunk[start : start + CHUNK_BYTES]):
                yield number, _text(line, first=number == 1, recoded=not plain)
    if not plain and (rest := decoder.decode(b"", final=True)):
        for number, line in splitter.feed(rest.encode("utf-8", "replace")):
            yield number, _text(line, first=number == 1, recoded=True)
    for number, line in splitter.close():
        yield number, _text(line, first=number == 1, recoded=not plain)


def _text(line: bytes | None, *, first: bool, recoded: bool) -> str | None:
    """A line in UTF-8 as text. In a recoded one, the replacement character marks what could not be read."""
    try:
        text = line.decode() if line is not None else None
    except UnicodeDecodeError:
        return None
    if text is None or (recoded and "\ufffd" in text):
        return None
    return text.removeprefix(BOM) if first else text
