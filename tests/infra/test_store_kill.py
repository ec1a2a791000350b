"""SIGKILL of the store in the middle of inserts: rows that carry their full state come out exact."""

from __future__ import annotations

import asyncio
import random
import signal
from typing import TYPE_CHECKING, Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import Error

from infra.embedded.part import Restart
from infra.embedded.ports import free_port
from infra.embedded.store import clickhouse_part
from infra.embedded.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack

KEYS, BATCHES, ROWS, KILLS = 50, 150, 200, 3


async def insert_until_taken(port: int, rows: list[list[int]]) -> None:
    """A retrying writer: it cannot know whether a batch that failed was stored."""
    while True:
        try:
            client = await clickhouse_connect.get_async_client(
                host="127.0.0.1", port=port, username="pulsewire", autogenerate_session_id=False
            )
            try:
                await client.insert("pulsewire.states", rows, column_names=["key", "total", "last"])
            finally:
                await client.close()
        except (Error, OSError):
            await asyncio.sleep(0.05)
        else:
            return


def batches(seed: int) -> list[list[list[int]]]:
    """Running totals of a key, and the position up to which each is exact."""
    draw = random.Random(seed)
    totals = dict.fromkeys(range(KEYS), 0)
    made = []
    for batch in range(BATCHES):
        rows = []
        for position in range(ROWS):
            key = draw.randrange(KEYS)
            totals[key] += draw.randrange(1_000)
            rows.append([key, totals[key], batch * ROWS + position])
        made.append(rows)
    return made


async def test_full_state_rows_survive_kills(tmp_path: Path):
    port, all_batches = free_port(), batches(seed=7)
    supervisor = Supervisor(tmp_path / "logs", say=lambda _: None)
    part = clickhouse_part(tmp_path / "clickhouse", port, restart=Restart(first_s=0.05, limit_s=0.2))
    await supervisor.add(part)
    try:
        client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=port, username="pulsewire")
        await client.command(
            "CREATE TABLE pulsewire.states (key UInt32, total UInt64, last UInt64) "
            "ENGINE = ReplacingMergeTree(last) ORDER BY key"
        )
        await client.close()
        kill_at = set(random.Random(7).sample(range(10, BATCHES - 10), KILLS))
        for number, rows in enumerate(all_batches):
            writing = asyncio.create_task(insert_until_taken(port, rows))
            if number in kill_at:
                await asyncio.sleep(0.002)
                supervisor.kill("clickhouse", signal.SIGKILL)
            await writing
        expected = {row[0]: (row[1], row[2]) for rows in all_batches for row in rows}
        assert await states(port) == expected
        assert supervisor.restarts("clickhouse") == KILLS
    finally:
        await supervisor.close()


async def states(port: int) -> dict[int, Any]:
    client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=port, username="reader")
    answer = await client.query("SELECT key, total, last FROM pulsewire.states FINAL")
    await client.close()
    return {key: (total, last) for key, total, last in answer.result_rows}
