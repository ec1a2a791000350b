"""What a model says of one text."""

import msgspec


class Reading(msgspec.Struct, frozen=True):
    """What the model found in one text."""

    probabilities: dict[str, tuple[float, ...]]  # head -> probability per label, in the manifest's order
    tokens: int
