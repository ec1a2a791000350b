"""Whether a partition is ours, asked of a real broker."""

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.init import initialise
from streams.adapters.offset_marks import OffsetMarks
from streams.errors import BrokerAway
from streams.settings import Kafka, load_settings
from streams.topology import WINDOWS

pytestmark = pytest.mark.stack
AT = (WINDOWS, 1)


async def test_who_is_no_member_any_more_is_told_so_before_it_notices(stack):
    settings = load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse)
    await initialise(settings)
    consumer = AIOKafkaConsumer(
        WINDOWS,
        **Kafka.of(settings).aiokafka(),
        group_id="tenure",
        enable_auto_commit=False,
        heartbeat_interval_ms=9_000,
    )
    await consumer.start()
    try:
        marks = OffsetMarks(consumer)
        await consumer.getmany(timeout_ms=0)
        await marks.write({AT: (7, "in hand")}, {AT: (7, "")})
        await marks.hold(AT, 7)
        assert await marks.read([AT]) == {AT: "in hand"}
        assert await consumer.committed(TopicPartition(*AT)) == 7
        with pytest.raises(BrokerAway, match="assigned"):
            await marks.hold((WINDOWS, 99), 7)
        ours = consumer._coordinator
        known = ours.generation, ours.member_id
        await ours._maybe_leave_group()
        ours.generation, ours.member_id = known  # as after a standstill: the broker knows, the process does not
        assert TopicPartition(*AT) in consumer.assignment()
        with pytest.raises(BrokerAway, match="does not confirm that windows/1 is ours: CommitFailed"):
            await marks.hold(AT, 8)
    finally:
        await consumer.stop()
