"""`pulsewire ingest` as a user types it: exit codes and what is said."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from typer.testing import CliRunner

from infra.init import initialise
from infra.sample.replay import replay
from streams.cli import ingest
from streams.settings import Kafka, load_settings
from streams.topology import KINDS, RAW

runner = CliRunner()


def run(*arguments: str, **rest):
    return runner.invoke(ingest.app, arguments, **rest)


@pytest.fixture
def nobody(monkeypatch) -> str:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("PULSEWIRE_KAFKA", address)
    return address


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"n":1}\n')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("jsonl", "a.jsonl"), "--topic"),
        (("jsonl", "--topic", "t"), "SOURCE"),
        (("jsonl", "a.jsonl", "-t", "t", "--map", "x"), "name=value"),
        (("jsonl", "a.jsonl", "-t", "t", "--zone", "Moon"), "Moon"),
        (("jsonl", "a.jsonl", "-t", "t", "--preset", "nope"), "reuters"),
        (("jsonl", "a.jsonl", "-t", "t", "--raw", "--set", "a=b"), "--raw"),
        (("jsonl", "a.jsonl", "-t", "t", "--rate", "0"), "--rate"),
        (("jsonl", "-", "-", "-t", "t"), "once"),
        (("jsonl", "-", "-t", "t", "--now", "last"), "--now"),
        (("csv", "a.jsonl", "-t", "t", "--delimiter", "ab"), "--delimiter"),
        (("csv", "a.jsonl", "-t", "t", "--encoding", "klingon"), "--encoding"),
        (("logs", "a.jsonl", "--format", "("), "--format"),
        (("logs", "-", "--follow"), "--follow"),
        (("logs", "a.jsonl", "--new-only"), "--new-only"),
        (("logs", "a.jsonl", "--encoding", "utf-16"), "--encoding"),
        (("rss", "ftp://example.org/feed"), "ftp://example.org/feed"),
        (("rss", "http://example.org/feed", "--every", "0"), "--every"),
    ],
)
def test_wrong_usage(arguments, said):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize("source", ["missing.jsonl", "."])
def test_a_source_that_cannot_be_read(source):
    result = run("jsonl", "a.jsonl", source, "--topic", "news.raw")
    assert result.exit_code == 1
    assert source in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_wrong_setting_is_named(monkeypatch):
    monkeypatch.setenv("PULSEWIRE_KAFKA", "nowhere")
    result = run("jsonl", "a.jsonl", "--topic", "news.raw")
    assert result.exit_code == 1
    assert "PULSEWIRE_KAFKA" in result.stderr


def test_the_presets_are_spelt_out():
    assert "--bad-time previous" in " ".join(run("jsonl", "--help", env={"COLUMNS": "400"}).output.split())


@pytest.mark.parametrize("command", ["jsonl", "csv", "logs", "rss"])
def test_every_command_speaks_json(command):
    assert "--json" in run(command, "--help", env={"COLUMNS": "200"}).output


def test_a_broker_that_is_away_is_waited_for_and_then_told_of_in_one_line(nobody):
    result = run("jsonl", "a.jsonl", "--topic", "news.raw", "--wait", "0.6")
    assert result.exit_code == 1
    assert nobody in result.stderr
    assert "pulsewire up" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.fixture
def broker(request, monkeypatch):
    """The real broker with our topics, as the settings name it."""
    stack = request.getfixturevalue("stack")
    monkeypatch.setenv("PULSEWIRE_KAFKA", stack.addresses.kafka)
    monkeypatch.setenv("PULSEWIRE_CLICKHOUSE", stack.addresses.clickhouse)
    asyncio.run(initialise(load_settings()))
    return load_settings()


async def ends(topic: str, settings) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(**Kafka.of(settings).aiokafka())
    await consumer.start()
    try:
        return await consumer.end_offsets(
            [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic) or range(4)]
        )
    finally:
        await consumer.stop()


async def since(start: dict[TopicPartition, int], settings) -> list[tuple[bytes | None, bytes]]:
    """What came on the topic since then."""
    (topic,) = {at.topic for at in start}
    missing = sum((await ends(topic, settings)).values()) - sum(start.values())
    consumer = AIOKafkaConsumer(**Kafka.of(settings).aiokafka(), max_partition_fetch_bytes=17_000_000)
    await consumer.start()
    try:
        consumer.assign(list(start))
        for at, offset in start.items():
            consumer.seek(at, offset)
        found: list[tuple[bytes | None, bytes]] = []
        while len(found) < missing:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [(record.key, record.value) for record in records]
        return found
    finally:
        await consumer.stop()


@pytest.mark.stack
def test_every_line_arrives_once_and_the_counts_are_right(broker, tmp_path):
    lines = [json.dumps({"n": n, "source": f"s{n % 7}"}).encode() for n in range(10_000)]
    (tmp_path / "b.jsonl").write_bytes(b"\n".join([*lines[:6_000], b"nope", *lines[6_000:]]))
    start = asyncio.run(ends("news.raw", broker))
    result = run("jsonl", "b.jsonl", "--topic", "news.raw", "--key", "source", "--json")
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)
    assert (counts["sent"], counts["refused"]) == (10_000, 1)
    assert counts["reasons"]["not_json"]["examples"][0].startswith("b.jsonl line 6001")
    came = asyncio.run(since(start, broker))
    assert sorted(value for _, value in came) == sorted(lines)
    assert all(key == json.loads(value)["source"].encode() for key, value in came[:100])


@contextmanager
def program(*arguments: str):
    """The command as a process of its own."""
    command = [sys.executable, "-W", "error", "-c", "from streams.cli.ingest import app; app()", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process
        process.kill()


def wait_for(count: int, start: dict[TopicPartition, int], settings) -> None:
    topic = next(iter(start)).topic
    while sum(asyncio.run(ends(topic, settings)).values()) - sum(start.values()) < count:
        time.sleep(0.1)


@pytest.mark.stack
def test_standard_input_is_sent_as_it_comes_and_ctrl_c_tells_what_was_sent(broker):
    start = asyncio.run(ends("news.raw", broker))
    with program("jsonl", "-", "--topic", "news.raw") as process:
        process.stdin.write(b'{"n":1}\n[]\n{"n":2}\n{"n":')
        process.stdin.flush()
        wait_for(2, start, broker)  # while its input is still open
        process.send_signal(signal.SIGINT)
        process.wait(30)  # before its input is closed: a line cut off by the end of the input would be refused
        out, err = process.communicate()
    assert process.returncode == 1
    assert err.decode().splitlines() == ["pulsewire ingest: stopped before the end"]
    sent, refused = out.decode().splitlines()
    assert sent.startswith("sent\t2\t")
    assert refused.startswith("refused: not_json\t1\tstandard input line 2: not a JSON object")
    assert sorted(value for _, value in asyncio.run(since(start, broker))) == [b'{"n":1}', b'{"n":2}']


@pytest.mark.stack
def test_a_followed_log_ends_well_with_ctrl_c(broker, tmp_path):
    start = asyncio.run(ends("logs.raw", broker))
    (tmp_path / "shop.log").write_text("2026-01-02 03:04:05,678 ERROR [main] shop.Pay: it broke\n")
    with program("logs", "shop.log", "--follow", "--json") as process:
        wait_for(1, start, broker)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["sent"] == 1
    ((key, value),) = asyncio.run(since(start, broker))
    assert key == b"shop"
    assert json.loads(value)["message"] == "it broke"


@pytest.mark.stack
def test_a_topic_that_is_not_there_is_told_with_those_that_are(broker):
    result = run("jsonl", "a.jsonl", "--topic", "news")
    assert result.exit_code == 1
    assert "'news'" in result.stderr
    assert "news.raw" in result.stderr


@pytest.mark.stack
def test_a_message_that_the_broker_never_takes_is_refused_and_the_rest_arrives(broker, tmp_path):
    # the first is longer than any message may be, the second becomes so on the way: it is the broker that refuses it
    sizes = (17_000_000, 16_700_000, 5_000_000)
    (tmp_path / "c.jsonl").write_text("".join(json.dumps({"x": "y" * size}) + "\n" for size in (*sizes, 1)))
    start = asyncio.run(ends("news.raw", broker))
    result = run("jsonl", "c.jsonl", "--topic", "news.raw", "--set", f"pad={'z' * 100_000}", "--json")
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)
    assert (counts["sent"], counts["refused"], list(counts["reasons"])) == (2, 2, ["too_large"])
    assert "MessageSizeTooLargeError" in counts["reasons"]["too_large"]["examples"][1]
    assert len(asyncio.run(since(start, broker))) == 2


@pytest.mark.stack
def test_the_sample_is_replayed_whole(broker):
    start = {kind: asyncio.run(ends(RAW[kind], broker)) for kind in KINDS}
    told: Counter[str] = Counter()
    counts = asyncio.run(
        replay(Kafka.of(broker), speed=0, on_sent=lambda kind, count: told.update({kind: count}), real=None)
    )
    for kind in KINDS:
        came = asyncio.run(since(start[kind], broker))
        assert len(came) == told[kind] == getattr(counts, kind)
        assert len({json.loads(value)["id"] for _, value in came}) == len(came)
