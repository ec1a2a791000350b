"""`pulsewire dlq`: what could not be read, why, and how it goes back."""

import asyncio
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from streams.cli.output import AsJson, print_json, print_rows, safe, say
from streams.topology import DLQ

if TYPE_CHECKING:
    from streams.adapters.publisher import KafkaPublisher
    from streams.adapters.replay import Choice
    from streams.adapters.replay_memory import ReplayMemory
    from streams.core.dead_letters import DeadLetter
    from streams.settings import Kafka

SHOWN_BYTES: Final = 4_000
app = typer.Typer(help="Events that could not be read: list them, look at one, send them again.", no_args_is_help=True)

OfTopic = Annotated[str, typer.Option("--topic", help="Only what came from this topic.", metavar="TOPIC")]
OfError = Annotated[str, typer.Option("--error", help="Only what failed with this code.", metavar="CODE")]


@app.command("list")
def list_(
    *,
    topic: OfTopic = "",
    error: OfError = "",
    limit: Annotated[int, typer.Option(min=1, help="Read at most so many of each partition, the newest.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Count what lies on the dead-letter topics, by topic and error, with the latest of each as an example.

    `waiting` counts those that were neither replayed nor taken out for repair.
    """
    from streams.adapters.replay import Choice

    rows = asyncio.run(_list(_kafka(), Choice(_dlqs(topic), error), newest=limit))
    print_rows(rows, as_json=as_json, empty="no dead letters")


@app.command()
def show(
    position: Annotated[
        list[str], typer.Argument(help="Where it came from or lies, such as news.raw/0/17, or news.raw 0 17.")
    ],
    raw: Annotated[bool, typer.Option("--raw", help="Print the value alone, byte for byte.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: why it could not be read, its headers, its bytes."""
    topic, partition, offset = _position(position)
    letter = asyncio.run(_find(_kafka(), topic, partition, offset))
    if raw:
        sys.stdout.buffer.write(letter.record.value or b"")
        sys.stdout.buffer.flush()
    elif as_json:
        print_json(_as_json(letter))
    else:
        print("\n".join(_described(letter)))


@app.command()
def replay(
    *,
    topic: OfTopic = "",
    error: OfError = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what was replayed before.")] = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="Take them out into this new file, for repair, instead of sending.")
    ] = None,
    from_file: Annotated[Path | None, typer.Option("--from-file", help="Send what was taken out and repaired.")] = None,
) -> None:
    """Send dead letters again to the topics that they came from, each only once, however often this is called.

    Keys, values and the producer's headers are unchanged; the header pw-replayed-from says where they lay.
    """
    from streams.adapters.replay import Choice

    if from_file and (topic or error or limit or again or file):
        raise typer.BadParameter("it sends what the file holds; leave the other options out", param_hint="--from-file")
    if from_file:
        asyncio.run(_send_file(_kafka(), from_file, yes=yes))
    else:
        asyncio.run(_replay(_kafka(), Choice(_dlqs(topic), error, limit), yes=yes, forget=again, file=file))


async def _list(kafka: "Kafka", choice: "Choice", *, newest: int) -> list[dict[str, Any]]:
    from streams.adapters.replay import Unhandled, dead_letters
    from streams.adapters.replay_memory import ReplayMemory

    groups: dict[tuple[str, str], dict[str, Any]] = {}
    async with ReplayMemory(kafka) as memory:
        unhandled = await Unhandled.of(kafka, choice.topics, memory, newest=newest)
        async for letter in dead_letters(kafka, choice.topics, newest=newest):
            if choice.error not in ("", letter.error):
                continue
            new = {"topic": letter.record.topic, "error": letter.error, "count": 0, "waiting": 0}
            group = groups.setdefault((letter.record.topic, letter.error), new)
            group["count"] += 1
            group["waiting"] += await unhandled(letter) and not memory.sent(letter)
            if letter.at >= group.get("last", ""):
                group |= {"last": letter.at, "example": letter.origin, "detail": letter.detail}
    return sorted(groups.values(), key=lambda group: (group["topic"], -group["count"]))


async def _find(kafka: "Kafka", topic: str, partition: int, offset: int) -> "DeadLetter":
    """The latest dead letter that came from a position, or lies there."""
    from streams.adapters.replay import dead_letters
    from streams.errors import PulsewireError

    found, origin = None, f"{topic}/{partition}/{offset}"
    async for letter in dead_letters(kafka, [DLQ.get(topic, topic)]):
        if origin in (letter.origin, letter.position):
            found = letter
    if found is None:
        raise PulsewireError(f"there is no dead letter of {origin}; `pulsewire dlq list` shows what there is")
    return found


async def _replay(kafka: "Kafka", choice: "Choice", *, yes: bool, forget: bool, file: Path | None) -> None:
    from streams.adapters.replay import back_to_topic, handle, into_file
    from streams.adapters.replay_memory import ReplayMemory
    from streams.cli.progress import progress

    async with ReplayMemory(kafka, forget=forget) as memory:
        counts = await _count(kafka, choice, memory)
        if not counts:
            say("nothing waits to be replayed")
            return
        verb = f"Take out into {file}" if file else "Send again"
        _ask(f"{verb} {_listed(counts)}?", yes=yes or file is not None)
        publisher = _publisher(kafka)
        sink = into_file(file) if file else back_to_topic(publisher)
        try:
            with progress("records", total=counts.total()) as advance:
                total = await handle(kafka, choice, memory, sink=sink, advance=advance)
        finally:
            await publisher.close()
    if file:
        say(f"{total:,} taken out; repair them and send them with `pulsewire dlq replay --from-file {file}`")
    else:
        say(f"{total:,} sent again")


async def _send_file(kafka: "Kafka", file: Path, *, yes: bool) -> None:
    from streams.adapters.replay import repaired, send_repaired
    from streams.cli.progress import progress

    messages = repaired(file)
    journal = file.with_name(f"{file.name}.sent")
    _ask(f"Send {_listed(Counter(message.topic for message in messages))}?", yes=yes or not messages)
    publisher = _publisher(kafka)
    try:
        with progress("records", total=len(messages)) as advance:
            sent = await send_repaired(kafka, messages, journal=journal, publisher=publisher, advance=advance)
    finally:
        await publisher.close()
    before = len(messages) - sent
    say(f"{sent:,} sent" + (f", {before:,} had been sent before (see {journal})" if before else ""))


async def _count(kafka: "Kafka", choice: "Choice", memory: "ReplayMemory") -> Counter[str]:
    from streams.adapters.replay import waiting

    counts: Counter[str] = Counter()
    async for letter in waiting(kafka, choice, memory):
        counts[letter.topic] += not memory.sent(letter)
    return counts


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} to {topic}" for topic, count in sorted(counts.items()))


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} Nobody is here to ask; say --yes", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)


def _publisher(kafka: "Kafka") -> "KafkaPublisher":
    from streams.adapters.publisher import KafkaPublisher

    return KafkaPublisher(kafka, client_id="pulsewire-dlq")


def _kafka() -> "Kafka":
    from streams.settings import Kafka, load_settings

    return Kafka.of(load_settings())


def _dlqs(topic: str) -> tuple[str, ...]:
    if not topic:
        return tuple(DLQ.values())
    name = DLQ.get(topic, topic)
    if name not in DLQ.values():
        raise typer.BadParameter(f"{topic!r} is none of {', '.join(DLQ)}", param_hint="--topic")
    return (name,)


def _position(given: list[str]) -> tuple[str, int, int]:
    found = re.fullmatch(r"([\w.-]+)/(\d{1,9})/(\d{1,18})", "/".join(given), re.ASCII)
    if not found or DLQ.get(found[1], found[1]) not in DLQ.values():
        raise typer.BadParameter(f"{' '.join(given)!r} is no position such as news.raw/0/17", param_hint="POSITION")
    return found[1], int(found[2]), int(found[3])


def _as_json(letter: "DeadLetter") -> dict[str, Any]:
    import base64

    record = letter.record
    encoded = {name: None if data is None else base64.b64encode(data).decode() for name, data in (
        ("key_base64", record.key), ("value_base64", record.value),
    )}  # fmt: skip
    return {
        "position": letter.position,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "error": letter.error,
        "detail": letter.detail,
        "at": letter.at,
        "headers": [[name, value.decode(errors="backslashreplace")] for name, value in record.headers],
        **encoded,
        "text": None if record.value is None else record.value.decode(errors="backslashreplace"),
    }


def _described(letter: "DeadLetter") -> list[str]:
    record = letter.record
    lines = [
        f"came from  {letter.origin}",
        f"lies at    {letter.position}",
        f"error      {letter.error}: {letter.detail}",
        f"at         {letter.at}",
        f"key        {_shown(record.key)}",
        *(f"header     {name}: {_shown(value)}" for name, value in record.headers if not name.startswith("pw-")),
        f"value      {'none' if record.value is None else f'{len(record.value):,} bytes'}",
        *([f"cut        key and value had {letter.cut}: it is not sent again"] if letter.cut else []),
    ]
    value = record.value or b""
    cut = [f"… {len(value) - SHOWN_BYTES:,} bytes more; --raw prints all"] if len(value) > SHOWN_BYTES else []
    return [*map(safe, lines), "", _shown(value[:SHOWN_BYTES]), *cut]


def _shown(data: bytes | None) -> str:
    return "none" if data is None else safe(data.decode(errors="backslashreplace"))
