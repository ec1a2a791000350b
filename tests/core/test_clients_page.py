"""What docs/clients.md tells people to send is what the workers read, and what it tells of is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from streams.core.decode import Decoder
from streams.core.entities import WatchList
from streams.core.event import Event, Record
from streams.core.payloads import Action, Log, News

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path("docs/clients.md").read_text(encoding="utf-8")
SNIPPETS = {language: re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) for language in ("sh", "java", "python")}


def sent() -> Iterator[tuple[str, str]]:
    """Every event of the page, and where it goes."""
    for line in "".join(SNIPPETS["sh"]).splitlines():
        if found := re.match(r"echo '(.*)' \| .* (?:-t|--topic) (\S+)$", line):
            yield found[2], found[1]
    for snippet in SNIPPETS["java"]:
        (topic,), (event,) = re.findall(r'Record<>\("(\S+)"', snippet), re.findall(r'"""\s*(.*?)"""', snippet)
        yield topic, event
    yield "news.raw", re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0]


@pytest.mark.parametrize(("topic", "event"), list(sent()))
def test_an_event_is_read(topic: str, event: str) -> None:
    decoder = Decoder(max_bytes=1_048_576, watch=WatchList([]))
    record = Record(topic=topic, partition=0, offset=0, key=None, value=event.encode(), timestamp_ms=1_795_525_200_000)
    assert isinstance(decoder.decode(record), Event)


def test_the_page_has_one_of_each() -> None:
    assert {topic for topic, _ in sent()} == {"news.raw", "logs.raw", "user.events"}
    assert {language for language, found in SNIPPETS.items() if found} == set(SNIPPETS)


@pytest.mark.parametrize(("topic", "payload"), [("news.raw", News), ("logs.raw", Log), ("user.events", Action)])
def test_fields_are_those_of_the_payload(topic: str, payload: type) -> None:
    (row,) = re.findall(rf"^\| `{re.escape(topic)}` \|(.*)\|(.*)\|$", PAGE, re.MULTILINE)
    required, optional = (re.findall(r"`(\w+)`", cell) for cell in row)
    needed = {field.name for field in msgspec.structs.fields(payload) if field.required}
    assert set(required) == needed | {"ts"}
    assert set(optional) == set(payload.__struct_fields__) - needed - {"ts"}


def test_python_is_python() -> None:
    for snippet in SNIPPETS["python"]:
        compile(snippet, "docs/clients.md", "exec")
