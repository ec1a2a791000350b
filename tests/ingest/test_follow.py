"""A log that is followed, as a service and logrotate treat it."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager

from streams.ingest import sources
from streams.ingest.item import Item
from streams.ingest.shape import Shape
from tests.ingest.reading import ignore


class Followed:
    """What came of the followed files up to now."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(20):
            while len(self.messages) < count:  # noqa: ASYNC110 - a list rings no bell
                await asyncio.sleep(0.02)
        return self.messages


@asynccontextmanager
async def following(*paths, **options):
    followed = Followed()

    async def follow() -> None:
        reads = sources.log_lines(
            [str(path) for path in paths],
            sources.Plan(Shape()),
            sources.LogOptions(follow=True, **options),
            on_read=ignore,
        )
        async with aclosing(reads):
            async for read in reads:
                assert isinstance(read, Item)
                followed.messages.append(json.loads(read.value)["message"])

    task = asyncio.create_task(follow())
    try:
        yield followed
    finally:
        task.cancel()
        await asyncio.wait((task,))


def add(path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def test_what_is_there_and_what_is_added(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("one\ntwo\n")
    async with following(path) as followed:
        assert await followed.until(2) == ["one", "two"]  # the last one, too, once it has grown no more
        add(path, "thr")
        await asyncio.sleep(0.4)
        add(path, "ee\nfour\n")
        assert await followed.until(4) == ["one", "two", "three", "four"]


async def test_rotation_loses_nothing(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("one\n")
    async with following(path) as followed:
        await followed.until(1)
        with path.open("a") as service:  # it goes on writing into the file that was moved away
            path.rename(tmp_path / "a.log.1")
            service.write("two\nthree without an end")
            service.flush()
            path.write_text("four\n")
            assert await followed.until(4) == ["one", "two", "three without an end", "four"]


async def test_a_file_that_is_gone_for_a_while(tmp_path):
    path = tmp_path / "a.log"
    async with following(path) as followed:
        await asyncio.sleep(0.3)
        path.write_text("one\n")
        await followed.until(1)
        path.unlink()
        await asyncio.sleep(0.6)
        path.write_text("two\n")
        assert await followed.until(2) == ["one", "two"]


async def test_truncation(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("a long first line\nanother\n")
    async with following(path) as followed:
        await followed.until(2)
        path.write_text("new\n")  # the same file, shorter
        assert await followed.until(3) == ["a long first line", "another", "new"]


async def test_new_only_and_several_files(tmp_path):
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    one.write_text("old\n")
    two.write_text("old\n")
    async with following(one, two, new_only=True) as followed:
        await asyncio.sleep(0.6)
        add(one, "from one\n")
        add(two, "from two\n")
        assert sorted(await followed.until(2)) == ["from one", "from two"]
