"""Creates our topics, with the partitions and settings that we want of them (Faust's own declaration does not)."""

import logging

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from streams.errors import BrokerAway, PulsewireError
from streams.settings import Kafka, Settings
from streams.topology import topics


async def create_topics(settings: Settings) -> list[str]:
    """Create what is missing; returns the names of what was created now.

    Raises:
        BrokerAway: no broker answers.
        PulsewireError: the broker will not create a topic.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # we say it ourselves, in one line
    admin = AIOKafkaAdminClient(**Kafka.of(settings).aiokafka(), client_id="pulsewire-init")
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = {name: config for name, config in topics().items() if name not in existing}
        wanted = [
            NewTopic(name, settings.partitions, settings.replication, topic_configs=config)
            for name, config in missing.items()
        ]
        answer = await admin.create_topics(wanted) if wanted else None
    except (KafkaError, OSError) as error:
        raise BrokerAway(f"Kafka at {settings.kafka} does not answer: {error}") from error
    finally:
        await admin.close()
    for name, code, detail in (tuple(entry)[:3] for entry in (answer.topic_errors if answer else ())):
        error_type = for_code(code)
        if code and error_type is not TopicAlreadyExistsError:
            raise PulsewireError(f"topic {name} cannot be created: {detail or error_type.__name__}")
    return sorted(missing)
