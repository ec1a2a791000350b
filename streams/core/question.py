"""A line that somebody wants read, and what is answered: `pulsewire classify` without its I/O.

1. What the model reads is what it would read of the same event in the stream: redacted, of a log line the template.
2. A line that cannot be read is a value, `Rejected`; neither function raises.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from models.reading import Reading
from streams.core.event import Rejected
from streams.core.redact import redact
from streams.core.template import template_of
from streams.topology import Kind

_DECIMALS: Final = 6  # as many as a reading has
_WANTED: Final[dict[Kind, str]] = {
    "news": '"text" or "title"',
    "logs": '"text" or "message"',
    "user": '"text"',
}


class Question(msgspec.Struct, frozen=True):
    """A text, as it was given, and what the model is to read."""

    text: str
    to_read: str
    id: str | int | None = None


class _Given(msgspec.Struct):
    """What counts in a JSON line. `data` is where CloudEvents keep the event."""

    text: str | None = None
    title: str | None = None
    body: str | None = None
    message: str | None = None
    id: str | int | None = None
    specversion: str | None = None
    data: "_Given | None" = None


_decode: Final = msgspec.json.Decoder(_Given).decode


def question_of(line: bytes, *, kind: Kind) -> Question | Rejected:
    """The text of a line: the line itself, or, where it starts with a brace, what the JSON object holds."""
    try:
        plain = line.decode().strip()
    except UnicodeDecodeError as error:
        return Rejected("bad_unicode", f"byte {error.start + 1} is no UTF-8")
    given: str | _Given | Rejected = _given(line) if plain.startswith("{") else plain
    if isinstance(given, Rejected):
        return given
    text = given if isinstance(given, str) else _text_in(given, kind)
    if text is None:
        return Rejected("missing_field", f"it has no {_WANTED[kind]}")
    if not text.strip():
        return Rejected("empty_text", "there is nothing to read")
    redacted = redact(text)
    to_read = template_of(redacted) if kind == "logs" else redacted
    return Question(text, to_read, None if isinstance(given, str) else given.id)


def answer(question: Question, reading: Reading, *, labels: Mapping[str, Sequence[str]], model: str) -> dict[str, Any]:
    """What `pulsewire classify` prints: the probabilities, and the likeliest label, of each head that `labels` has."""
    probabilities = {head: dict(zip(names, reading.probabilities[head], strict=True)) for head, names in labels.items()}
    likeliest = {head: max(named, key=named.__getitem__) for head, named in probabilities.items()}
    sentiment = probabilities.get("sentiment", {})
    polarity = round(sentiment.get("positive", 0.0) - sentiment.get("negative", 0.0), _DECIMALS)
    answered = {
        "text": question.text,
        "sentiment": likeliest.get("sentiment", ""),
        "sentiment_score": polarity,
        "probabilities": probabilities,
        "category": likeliest.get("category", ""),
        "intent": likeliest.get("intent", ""),
        "severity": likeliest.get("severity", ""),
        "model": model,
    }
    answered |= {head: label for head, label in likeliest.items() if head not in answered}  # a user's own
    return answered if question.id is None else answered | {"id": question.id}


def _given(line: bytes) -> "_Given | Rejected":
    try:
        given = _decode(line)
    except msgspec.ValidationError as error:
        return Rejected("wrong_type", str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected("not_json", f"it starts like JSON and is none: {error}")
    except RecursionError:
        return Rejected("too_deep", "it is nested too deep")
    return given.data if given.specversion and given.data else given


def _text_in(given: "_Given", kind: Kind) -> str | None:
    if given.text is not None:
        return given.text
    if kind == "news" and given.title is not None:
        return f"{given.title}\n{given.body}" if given.body else given.title
    return given.message if kind == "logs" else None
