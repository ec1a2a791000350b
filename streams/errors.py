"""Trouble with the outside. Bad events are not here: they are values (`streams.core.event.Rejected`).

PulsewireError
 +-- SettingsError     a setting is wrong; the message names it
 +-- Unreachable       a transport is away for now: wait and try again
 |    +-- StoreAway    ClickHouse
 |    +-- BrokerAway   Kafka
 +-- StoreRefused      ClickHouse answered and will not take it: trying again cannot help
 +-- BrokerRefused     Kafka takes no message as large as this: trying again cannot help
"""

import re


class PulsewireError(Exception):
    """Everything that ends a command with one clear line."""


class SettingsError(PulsewireError):
    """A setting is wrong."""


class Unreachable(PulsewireError):  # noqa: N818 - it says what is so
    """A transport is away for now: wait and try again."""


class StoreAway(Unreachable):
    """ClickHouse does not answer."""


class BrokerAway(Unreachable):
    """Kafka does not answer."""


class StoreRefused(PulsewireError):  # noqa: N818
    """ClickHouse answered and will not take it."""


class BrokerRefused(PulsewireError):  # noqa: N818
    """Kafka takes no message as large as this."""


# What our clients' libraries add to an address, of use to their authors
_NOISE = re.compile(
    r" ssl:default| ?\[Connect call failed [^\]]*\]|, <AddressFamily\.\w+: \d+>|\bKafkaConnectionError: "
)


def plainly(error: BaseException) -> str:
    """The first line of what a library says, for people; never empty."""
    lines = _NOISE.sub("", str(error)).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
