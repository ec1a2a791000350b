"""Several parts under one roof: started in order, kept alive, stopped in the reverse order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from infra.embedded.errors import StackError
from infra.embedded.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from pathlib import Path
    from typing import Any

    from infra.embedded.part import Part


async def together(*starts: Coroutine[Any, Any, None]) -> None:
    """All of them at once; the first trouble ends the others, waits for their end and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for start in starts:
                group.create_task(start)
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None


class Supervisor:
    """Runs parts; whoever adds one gets it ready or a `StackError`."""

    def __init__(self, log_dir: Path, *, say: Callable[[str], None], hold: tuple[int, ...] = ()) -> None:
        self._log_dir, self._say, self._hold = log_dir, say, hold
        self._keepers: dict[str, Keeper] = {}

    async def add_all(self, parts: Iterable[Part]) -> None:
        """Start several at once and wait until all are ready; the first that fails ends the others' start."""
        await together(*map(self.add, parts))

    async def add(self, part: Part) -> None:
        """Start a further part and wait until it is ready."""
        if part.name in self._keepers:
            raise StackError(f"a part named {part.name} runs already")
        self._log_dir.mkdir(parents=True, exist_ok=True)
        keeper = Keeper(part, self._log_dir / f"{part.name}.log", say=self._say, hold=self._hold)
        self._keepers[part.name] = keeper
        try:
            await keeper.start()
        except BaseException:
            self._keepers.pop(part.name, None)
            raise

    async def stop(self, name: str) -> None:
        """End one part, gracefully, for good."""
        await self._keeper(name).stop()
        self._keepers.pop(name, None)  # whoever added it may have been told to end, too, meanwhile

    async def close(self) -> None:
        """End every part, the last one added first."""
        for name in reversed(list(self._keepers)):
            if name in self._keepers:
                await self.stop(name)

    def kill(self, name: str, number: int) -> None:
        """Send a signal to a part's process, as a fault would."""
        self._keeper(name).kill(number)

    def pids(self) -> dict[str, int]:
        """The process id of each part's own process (not the leash's), of those that run now."""
        return {name: keeper.pid for name, keeper in self._keepers.items() if keeper.pid is not None}

    def restarts(self, name: str) -> int:
        """How often a part was started again."""
        return self._keeper(name).restarts

    def log(self, name: str) -> Path:
        """Where a part's output goes."""
        return self._keeper(name).log

    async def until_ready(self, name: str, *, within_s: float = 60.0) -> None:
        """Wait until a part can be used again, after a kill."""
        try:
            await asyncio.wait_for(self._keeper(name).ready.wait(), within_s)
        except TimeoutError:
            raise StackError(f"{name} was not ready again within {within_s:.0f} s") from None

    def _keeper(self, name: str) -> Keeper:
        try:
            return self._keepers[name]
        except KeyError:
            raise StackError(f"no part is named {name}") from None
