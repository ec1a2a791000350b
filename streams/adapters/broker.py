"""Asks a Kafka broker what it has."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.errors import BrokerAway, PulsewireError
from streams.settings import Kafka
from streams.topology import topics


async def list_topics(kafka: Kafka) -> set[str]:
    """The names of all topics.

    Raises:
        BrokerAway: nothing answers at the address.
    """
    admin = AIOKafkaAdminClient(**kafka.aiokafka(), client_id="pulsewire-ask", request_timeout_ms=5_000)
    try:
        await admin.start()
        return set(await admin.list_topics())
    except (KafkaError, OSError) as error:
        raise BrokerAway(f"Kafka at {kafka.servers} does not answer: {error}") from error
    finally:
        await admin.close()


async def check_topics(kafka: Kafka) -> None:
    """See that ours are there.

    Raises:
        BrokerAway: nothing answers at the address.
        PulsewireError: some are missing.
    """
    missing = sorted(topics().keys() - await list_topics(kafka))
    if missing:
        raise PulsewireError(f"no such topic: {', '.join(missing)}; run `pulsewire init` first")
