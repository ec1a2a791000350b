"""Can it be used yet? None of these raises."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from infra.embedded.part import Probe

# Kafka's protocol: length, api key 3 (Metadata), version 1, correlation id, no client id, no topics.
_METADATA = struct.pack(">ihhihi", 14, 3, 1, 1, -1, 0)


def answers_http(url: str) -> Probe:
    """Ready when a GET of `url` gives 200."""

    async def probe() -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
                return (await client.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return probe


def has_brokers(host: str, port: int) -> Probe:
    """Ready when Kafka's metadata name a live broker: an open port alone comes a second too early."""

    async def probe() -> bool:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        try:
            writer.write(_METADATA)
            head = await reader.readexactly(12)  # length, correlation id, number of brokers
            return int(struct.unpack(">iii", head)[2]) > 0
        except (OSError, asyncio.IncompleteReadError):
            return False
        finally:
            writer.close()

    return probe
