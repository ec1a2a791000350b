from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from streams.adapters.publisher import KafkaPublisher
from streams.adapters.replay import Choice, _sent_before, back_to_topic, dead_letters, handle
from streams.adapters.replay_memory import ReplayMemory
from streams.adapters.topic_log import consumer, extents, partitions_of, read
from streams.core.event import Record, Rejected
from streams.core.message import dead_letter, shortened
from streams.settings import Kafka, Settings
from tests.cli.ends import failed_with, is_wrong_usage, wrong_usage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Program

stack = pytest.mark.stack
TOPIC, QUEUE = "user.events", "user.events.dlq"
TRACE = (("trace", b"\xff\x01"),)
VALUES = (b"not json", b'{"a":\x00\xff 1}', b"[red]\x1b[31mhi", None)


def home(code: str) -> int:
    """The partition that records with this code came from: a record has one reason."""
    return crc32(code.encode()) % 900


def bury(settings: Settings, code: str, count: int) -> None:
    """Dead letters with a code of their own, so that no test meets another's."""
    records = [
        Record(TOPIC, home(code), number, 0, b"key %d" % number, VALUES[number % len(VALUES)], TRACE)
        for number in range(count)
    ]
    reason = Rejected(code, "some detail")
    asyncio.run(publish(settings, [dead_letter(record, reason, topic=QUEUE, at_ms=1_000) for record in records]))


async def publish(settings: Settings, messages) -> None:
    publisher = KafkaPublisher(Kafka.of(settings))
    await publisher.publish(messages)
    await publisher.close()


async def letters(settings: Settings, code: str):
    return [letter async for letter in dead_letters(Kafka.of(settings), [QUEUE]) if letter.error == code]


def came_back(settings: Settings, code: str) -> list[Record]:
    """What lies on the raw topic because of dead letters with this code, in any order."""

    async def find() -> list[Record]:
        positions = {letter.position.encode() for letter in await letters(settings, code)}
        kafka = Kafka.of(settings)
        partitions = await partitions_of(kafka, [TOPIC])
        async with consumer(kafka) as client:
            records = [record async for record in read(client, await extents(client, partitions))]
        return [record for record in records if dict(record.headers).get("pw-replayed-from") in positions]

    return asyncio.run(find())


@stack
def test_what_lies_there_is_counted_by_error(on_stack: Program, settings: Settings):
    bury(settings, "cli_list", 5)
    done = on_stack("dlq", "list", "--json", "--topic", TOPIC, "--error", "cli_list")
    assert json.loads(done.stdout) == {
        "topic": QUEUE, "error": "cli_list", "count": 5, "waiting": 5, "last": "1970-01-01T00:00:01.000Z",
        "example": json.loads(done.stdout)["example"], "detail": "some detail",
    }  # fmt: skip
    assert json.loads(done.stdout)["example"].startswith(f"user.events/{home('cli_list')}/")
    lines = on_stack("dlq", "list").stdout.decode().splitlines()
    assert lines[0].split("\t")[:4] == ["topic", "error", "count", "waiting"]
    assert any(line.startswith(f"{QUEUE}\tcli_list\t5\t5\t") for line in lines)
    assert on_stack("dlq", "list", "--error", "nobody_fails_so").stdout == b""


@stack
def test_one_is_shown_escaped_and_raw(on_stack: Program, settings: Settings):
    bury(settings, "cli_show", 3)
    lies = f"{TOPIC}/{home('cli_show')}"
    shown = on_stack("dlq", "show", f"{lies}/2").stdout.decode()
    assert "[red]\\x1b[31mhi" in shown
    assert "header     trace: \\xff\\x01" in shown
    assert "some detail" in shown
    assert on_stack("dlq", "show", "--raw", *lies.split("/"), "1").stdout == VALUES[1]
    as_json = json.loads(on_stack("dlq", "show", "--json", f"{lies}/1").stdout)
    assert base64.b64decode(as_json["value_base64"]) == VALUES[1]
    assert json.loads(on_stack("dlq", "show", "--json", as_json["position"]).stdout) == as_json


@stack
def test_each_comes_back_once_as_it_was(on_stack: Program, settings: Settings):
    bury(settings, "cli_replay", 6)
    bury(settings, "cli_other", 2)
    few = on_stack("dlq", "replay", "--error", "cli_replay", "--yes", "--limit", "2")
    assert (few.returncode, few.stderr) == (0, b"2 sent again\n")
    assert on_stack("dlq", "replay", "--error", "cli_replay", "--yes").stderr == b"4 sent again\n"
    assert on_stack("dlq", "replay", "--error", "cli_replay", "--yes").stderr == b"nothing waits to be replayed\n"
    records = came_back(settings, "cli_replay")
    expected = [(b"key %d" % number, VALUES[number % len(VALUES)]) for number in range(6)]
    assert sorted((record.key, record.value) for record in records if record.value) == sorted(
        pair for pair in expected if pair[1]
    )
    assert len(records) == 6
    assert {name for record in records for name, _ in record.headers} == {"trace", "pw-replayed-from"}
    assert came_back(settings, "cli_other") == []
    on_stack("dlq", "replay", "--error", "cli_replay", "--yes", "--again", "--limit", "1")
    assert len(came_back(settings, "cli_replay")) == 7
    assert on_stack("dlq", "replay", "--error", "cli_replay", "--yes").stderr == b"nothing waits to be replayed\n"


@stack
async def test_a_replay_that_was_cut_off_goes_on_without_sending_twice(settings: Settings):
    await asyncio.to_thread(bury, settings, "cli_cut", 8)
    kafka, choice = Kafka.of(settings), Choice((QUEUE,), "cli_cut")
    publisher = KafkaPublisher(kafka)
    buried = await letters(settings, "cli_cut")
    async with ReplayMemory(kafka) as memory:
        assert all([await memory.waits(letter) for letter in buried])
        await memory.begin(buried, now_ms=0)
        await back_to_topic(publisher)(buried[:3])  # here the lights go out
    sent = []
    async with ReplayMemory(kafka) as memory:
        assert await handle(kafka, choice, memory, sink=back_to_topic(publisher), advance=sent.append) == 5
    assert sent == [5]
    assert len(await asyncio.to_thread(came_back, settings, "cli_cut")) == 8
    async with ReplayMemory(kafka) as memory:
        assert await handle(kafka, choice, memory, sink=back_to_topic(publisher), advance=sent.append) == 0
    await publisher.close()


@stack
def test_a_record_whose_letter_was_said_twice_is_sent_once(on_stack: Program, settings: Settings):
    """A worker that dies between the letter and the acknowledgement says it again."""
    for _ in range(2):
        bury(settings, "cli_twice", 3)
    assert counted(on_stack, "cli_twice") == (6, 3)
    assert on_stack("dlq", "replay", "--error", "cli_twice", "--yes", "--limit", "1").stderr == b"1 sent again\n"
    assert on_stack("dlq", "replay", "--error", "cli_twice", "--yes").stderr == b"2 sent again\n"
    assert counted(on_stack, "cli_twice") == (6, 0)
    bury(settings, "cli_twice", 3)
    assert on_stack("dlq", "replay", "--error", "cli_twice", "--yes").stderr == b"nothing waits to be replayed\n"
    assert len(came_back(settings, "cli_twice")) == 3


@stack
def test_what_is_there_in_part_only_is_not_sent(on_stack: Program, settings: Settings):
    record = Record(TOPIC, 998, 0, 0, b"key", b"x" * 2_000_000)
    letter = dead_letter(record, Rejected("cli_part", "some detail"), topic=QUEUE, at_ms=1_000)
    asyncio.run(publish(settings, [shortened(letter)]))
    assert counted(on_stack, "cli_part") == (1, 0)
    assert on_stack("dlq", "replay", "--error", "cli_part", "--yes").stderr == b"nothing waits to be replayed\n"
    shown = on_stack("dlq", "show", f"{TOPIC}/998/0").stdout
    assert b"key and value had 3 and 2000000 bytes: it is not sent again" in shown


def counted(on_stack: Program, code: str) -> tuple[int, int]:
    """How many letters with this code lie there, and how many of them wait."""
    row = json.loads(on_stack("dlq", "list", "--error", code, "--json").stdout)
    return row["count"], row["waiting"]


@pytest.mark.parametrize("lines", ["", "user.events.dlq/0/1\ndone\n", "since \n", "since 17", "since 1since 99\n"])
@stack
async def test_a_note_that_breaks_off_anywhere_is_read(settings: Settings, lines: str):
    await _sent_before(Kafka.of(settings), lines.splitlines())


@stack
def test_a_note_that_is_none(on_stack: Program, tmp_path: Path):
    file, journal = tmp_path / "mended.jsonl", tmp_path / "mended.jsonl.sent"
    file.write_bytes(b'{"position":"user.events.dlq/0/1","topic":"user.events","text":"{}"}\n')
    journal.write_bytes(b"\xff\xfe")
    assert b"is no note of what was sent" in on_stack("dlq", "replay", "--from-file", str(file), "--yes").stderr
    journal.unlink()
    journal.mkdir()
    said = on_stack("dlq", "replay", "--from-file", str(file), "--yes")
    assert (said.returncode, said.stderr.count(b"\n")) == (1, 1)
    assert b"cannot be read" in said.stderr


@stack
def test_taken_out_repaired_and_sent(on_stack: Program, settings: Settings, tmp_path: Path):
    bury(settings, "cli_file", 4)
    file = tmp_path / "letters.jsonl"
    done = on_stack("dlq", "replay", "--error", "cli_file", "--file", str(file))
    assert (done.returncode, done.stderr[:11]) == (0, b"4 taken out")
    assert came_back(settings, "cli_file") == []
    failed_with(on_stack("dlq", "replay", "--error", "cli_file", "--file", str(file), "--again"), "File exists")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    mended = [line | {"text": '{"mended": true}'} for line in lines if "value_base64" not in line]
    file.write_text("\n".join(map(json.dumps, mended)))
    sent = on_stack("dlq", "replay", "--from-file", str(file), "--yes")
    assert (sent.returncode, sent.stderr) == (0, b"3 sent\n")
    assert on_stack("dlq", "replay", "--from-file", str(file), "--yes").stderr.startswith(b"0 sent, 3 had been sent")
    journal = file.with_name("letters.jsonl.sent")
    journal.write_text(journal.read_text().splitlines()[0] + "\n")  # cut off before the first was noted
    assert on_stack("dlq", "replay", "--from-file", str(file), "--yes").stderr.startswith(b"0 sent, 3 had been sent")
    assert {record.value for record in came_back(settings, "cli_file")} == {b'{"mended": true}'}
    assert len(came_back(settings, "cli_file")) == 3


@stack
def test_nothing_is_sent_without_a_yes(on_stack: Program, settings: Settings):
    bury(settings, "cli_ask", 1)
    done = on_stack("dlq", "replay", "--error", "cli_ask")
    is_wrong_usage(done.returncode, done.stderr.decode(), "1 to user.events", "--yes")
    assert came_back(settings, "cli_ask") == []


@stack
def test_no_such_dead_letter(on_stack: Program):
    failed_with(on_stack("dlq", "show", "user.events/90/999999"), "no dead letter of user.events/90/999999")


def test_a_file_that_cannot_be_sent(pulsewire: Program, tmp_path: Path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('\n{"topic": "news.raw"}\n')
    failed_with(pulsewire("dlq", "replay", "--from-file", str(bad), "--yes"), "line 2", "position", "nothing was sent")
    failed_with(pulsewire("dlq", "replay", "--from-file", str(tmp_path / "none"), "--yes"), "No such file")


def test_no_broker(pulsewire: Program):
    failed_with(pulsewire("dlq", "list"), "Kafka at 127.0.0.1:1 does not answer")


def test_wrong_usage():
    wrong_usage("dlq", "show", "somewhere", says="no position such as news.raw/0/17")
    wrong_usage("dlq", "show", "alerts/0/1", says="no position such as news.raw/0/17")
    wrong_usage("dlq", "replay", "--topic", "alerts", says="'alerts' is none of")
    wrong_usage("dlq", "replay", "--from-file", "x", "--again", says="leave the other options out")
