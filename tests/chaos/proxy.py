"""Stands between the workers and the store, and is bad at it for a while: `async with Proxy(port) as proxy`.

`proxy.mode` is one of MODES; connections that are open feel it, too. `proxy.inserting` tells when the store works.
"""

import asyncio
import contextlib

MODES = (
    "through",
    "slow",  # each piece of an answer comes late
    "cut",  # the connection ends in the middle of a request
    "torn",  # an answer ends in the middle of it, or of its head
    "500",  # no request reaches the store
    "lost",  # every request does, and is carried out, but no answer comes back: who asks again does it twice
)
SLOW_S = 1.0
CUT_AFTER_BYTES = 1_500
_REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry"


class Proxy:
    """A TCP proxy on a free port of loopback to another one."""

    def __init__(self, port, *, host="127.0.0.1"):
        self._to = (host, port)
        self.mode = "through"
        self.spoilt = 0  # connections
        self.inserting = asyncio.Event()  # the store was given an insert since this was cleared
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, self._to[0], 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._between(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _between(self, reader, writer):
        try:
            there, back = await asyncio.open_connection(*self._to)
        except OSError:
            writer.close()
            return
        try:
            ways = [*map(asyncio.create_task, (self._ask(reader, back, writer), self._answer(there, writer)))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            for end in (writer, back):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _ask(self, reader, back, writer):
        asked = 0
        while data := await reader.read(65_536):
            asked += len(data)
            if self.mode == "500":
                self.spoilt += 1
                writer.write(_REFUSAL)
                await writer.drain()
                return
            if self.mode == "cut" and asked > CUT_AFTER_BYTES:
                self.spoilt += 1
                back.write(data[:CUT_AFTER_BYTES])
                await back.drain()
                return
            back.write(data)
            await back.drain()
            if b"INSERT" in data:
                self.inserting.set()

    async def _answer(self, there, writer):
        while data := await there.read(65_536):
            if self.mode == "lost":
                self.spoilt += 1
                return
            if self.mode == "torn":
                self.spoilt += 1
                writer.write(data[: len(data) // 2])
                await writer.drain()
                return
            if self.mode == "slow":
                self.spoilt += 1
                await asyncio.sleep(SLOW_S)
            writer.write(data)
            await writer.drain()
