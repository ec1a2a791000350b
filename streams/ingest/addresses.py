"""Addresses of feeds as they may be shown: without what gives access."""

import re
from typing import Final
from urllib.parse import urlsplit

from streams.core.redact import MASK

# The end of a parameter's name, or a part of one that no harmless name has. An author is no secret.
_SECRET_NAME: Final = re.compile(
    r"(?:key|sig|sign|pass|pw|jwt)\d*$|token|secret|signature|passw|passphrase|pwd|auth(?!or(?!i))|credential|session"
)


def shown(url: str) -> str:
    """The address without a login, and without the values of parameters whose names sound like secrets."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # such as a password with a slash: nobody can tell where it ends
        return "an address that cannot be read"
    query = "&".join(map(_masked, parts.query.split("&")))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query).geturl()


def _masked(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    return f"{name}={MASK}" if equals and value and _SECRET_NAME.search(name.lower()) else parameter
