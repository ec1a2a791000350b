"""Samples on their way to whoever labels them: a row to be filled in, or a task of Label Studio's.

What the model said goes along, apart from the label: only a person makes a label of it.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec

from streams.core.codec import rfc3339


class Picked(msgspec.Struct, frozen=True):
    """A row of table `samples`, and what the head in question said of it."""

    text: str
    said: str
    event_id: str
    kind: str
    lang: str
    reason: str
    uncertainty: float
    event_time_ms: int
    model: str


def row_of(picked: Picked) -> dict[str, Any]:
    """A row with a place for the label."""
    return {"text": picked.text, "label": "", "said": picked.said} | _about(picked)


def task_of(picked: Picked) -> dict[str, Any]:
    """A task of Label Studio's that shows what the model said; `score` is how sure it was."""
    chosen = {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [picked.said]}}
    said = {"model_version": picked.model, "score": round(1 - picked.uncertainty, 4), "result": [chosen]}
    return {"data": {"text": picked.text} | _about(picked), "predictions": [said]}


def interface_of(labels: Sequence[str]) -> str:
    """The labelling interface that such tasks need: a text and one choice of these labels."""
    choices = "".join(f'    <Choice value="{escape(label)}"/>\n' for label in labels)
    return (
        '<View>\n  <Text name="text" value="$text"/>\n'
        f'  <Choices name="label" toName="text" choice="single" showInline="true">\n{choices}  </Choices>\n</View>\n'
    )


def _about(picked: Picked) -> dict[str, Any]:
    return {
        "event_id": picked.event_id,
        "kind": picked.kind,
        "lang": picked.lang,
        "reason": picked.reason,
        "uncertainty": round(picked.uncertainty, 4),
        "event_time": rfc3339(picked.event_time_ms),
        "model": picked.model,
    }
