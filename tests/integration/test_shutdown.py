"""A worker that is told to end ends what it has begun: it stores it, tells of it, acknowledges it, and leaves."""

import asyncio

import pytest

from infra.embedded.stack import Stack
from infra.init import initialise
from streams.settings import load_settings
from tests.chaos.cluster import Cluster
from tests.chaos.proxy import Proxy
from tests.integration.test_outage import send


@pytest.mark.stack
@pytest.mark.timeout(240)
async def test_what_is_being_stored_is_acknowledged(tmp_path):
    async with Stack(tmp_path / "stack", say=lambda _: None) as stack:
        await initialise(load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse))
        async with Proxy(int(stack.addresses.clickhouse.rpartition(":")[2])) as proxy:
            cluster = Cluster(stack, tmp_path, proxy=proxy, fake=True)
            name = await cluster.add()
            await send(stack.addresses.kafka, "the first")
            await cluster.until_acknowledged(await cluster.ends(), within_s=60)
            proxy.mode = "slow"  # each of the two inserts of a batch takes a second
            proxy.inserting.clear()
            await send(stack.addresses.kafka, "the second")
            async with asyncio.timeout(60):
                await proxy.inserting.wait()
            await cluster.remove(name)
            assert await cluster.acknowledged() == 2
            assert max(cluster.ended_s) < 10
