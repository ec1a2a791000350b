"""Creates our topics, with the partitions and settings that we want of them (Faust's own declaration does not)."""

from aiokafka.admin import NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from streams.adapters.broker import administrator
from streams.errors import PulsewireError
from streams.settings import Kafka, Settings
from streams.topology import topics

CREATED_WITHIN_S = 40


async def create_topics(settings: Settings) -> list[str]:
    """Create what is missing; returns the names of what was created now.

    Raises:
        BrokerAway: no broker answers.
        PulsewireError: the broker will not create a topic.
    """
    async with administrator(Kafka.of(settings), answer_within_s=CREATED_WITHIN_S) as admin:
        existing = set(await admin.list_topics())
        missing = {name: config for name, config in topics().items() if name not in existing}
        wanted = [
            NewTopic(name, settings.partitions, settings.replication, topic_configs=config)
            for name, config in missing.items()
        ]
        answer = await admin.create_topics(wanted) if wanted else None
    for name, code, detail in (tuple(entry)[:3] for entry in (answer.topic_errors if answer else ())):
        error_type = for_code(code)
        if code and error_type is not TopicAlreadyExistsError:
            raise PulsewireError(f"topic {name} cannot be created: {detail or error_type.__name__}")
    return sorted(missing)
