"""A series that fell silent while it fired, and a worker that was stopped for longer than it remembers."""

import pytest

from tests.agents.test_alerts import World, carry
from tests.core.feed import PAYMENTS, counts, messages, ticks, told


@pytest.mark.parametrize("minutes", [30, 100, 200, 2_000])
async def test_it_is_resolved_after_a_stop_of_any_length(minutes):
    world = World()
    hop = world.hop()
    for batch in [*messages({PAYMENTS: counts(*[20] * 20, 200)}), ticks({"logs"}, 22)]:
        await carry(hop, world.happens(batch))
    assert told(world.broker.alerts) == [("volume_surge", "firing", 1)]
    second = world.hop()  # `payments` is gone for good, other services go on
    for minute in range(22 + minutes, 30 + minutes):
        await carry(second, world.happens(ticks({"logs"}, minute)))
    assert told(world.broker.alerts)[-1] == ("volume_surge", "resolved", 2)
