from __future__ import annotations

import asyncio
import json
import select
import signal
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from streams.adapters.clickhouse import connect
from streams.adapters.publisher import KafkaPublisher
from streams.core.alert import Alert, AlertWindow, Evidence
from streams.core.message import Outgoing
from streams.settings import Kafka
from tests.cli.ends import failed_with, wrong_usage

if TYPE_CHECKING:
    import subprocess

    from streams.settings import Settings
    from tests.cli.conftest import Program

stack = pytest.mark.stack


def alert(fingerprint: str, revision: int, **changes) -> Alert:
    """A firing alert in the far future: the newest in whatever the store holds."""
    made = Alert(
        id=f"{fingerprint}/{revision}",
        fingerprint=fingerprint,
        revision=revision,
        status="firing",
        rule="volume_surge",
        severity="warning",
        labels={"kind": "news", "dimension": "source", "key": "re\x1b[31muters"},
        annotations={"summary": f"summary {revision} of {fingerprint}"},
        startsAt="2190-01-01T00:00:00.000Z",
        endsAt="2190-01-01T01:00:00.000Z",
        window=AlertWindow("2190-01-01T00:00:00.000Z", 60),
        value=9.0,
        expected=1.5,
        score=4.0,
        evidence=(Evidence("news.raw", 0, 1, "n1", "text", 0.5),),
    )
    return msgspec.structs.replace(made, **changes)


async def store(settings: Settings, *alerts: Alert) -> None:
    columns = {
        "id": lambda a: a.id, "fingerprint": lambda a: a.fingerprint, "revision": lambda a: a.revision,
        "status": lambda a: a.status, "rule": lambda a: a.rule, "severity": lambda a: a.severity,
        "kind": lambda a: a.labels["kind"], "labels": lambda a: a.labels, "annotations": lambda a: a.annotations,
        "starts_at": lambda a: moment(a.startsAt), "ends_at": lambda a: moment(a.endsAt),
        "window_start": lambda a: moment(a.window.start), "window_seconds": lambda a: a.window.seconds,
        "value": lambda a: a.value, "expected": lambda a: a.expected, "score": lambda a: a.score,
        "evidence": lambda a: msgspec.json.encode(a.evidence).decode(),
    }  # fmt: skip
    client = await connect(settings)
    await client.insert("alerts", [[of(one) for of in columns.values()] for one in alerts], list(columns))
    await client.close()


def moment(text: str):
    from datetime import datetime

    return datetime.fromisoformat(text)


async def publish(settings: Settings, *values: bytes) -> None:
    publisher = KafkaPublisher(Kafka.of(settings))
    await publisher.publish([Outgoing("alerts", b"cli", value, partition=0) for value in values])
    await publisher.close()


def next_line(process: subprocess.Popen[bytes]) -> bytes:
    assert select.select([process.stdout], [], [], 30)[0], "nothing came"
    return process.stdout.readline()


@stack
def test_an_incident_is_one_line_at_its_latest_revision(on_stack: Program, settings: Settings):
    later = {"startsAt": "2190-01-02T00:00:00.000Z"}
    asyncio.run(
        store(
            settings,
            alert("cli-a", 1),
            alert("cli-a", 2, status="resolved"),
            alert("cli-a", 3, **later),  # a second incident of the same series
            alert("cli-b", 1, labels={"kind": "logs", "dimension": "all", "key": "all"}),
        )
    )
    found = [msgspec.json.decode(line, type=Alert) for line in on_stack("alerts", "--json").stdout.splitlines()]
    ours = [one for one in found if one.fingerprint.startswith("cli-")]
    assert [one.id for one in ours] == ["cli-a/3", "cli-a/2", "cli-b/1"]
    assert ours[0] == alert("cli-a", 3, **later)
    assert on_stack("alerts", "--json", "--limit", "1", "--status", "resolved").stdout.count(b'"cli-a/2"') == 1
    assert json.loads(on_stack("alerts", "--json", "--limit", "1", "--kind", "logs").stdout)["id"] == "cli-b/1"
    seen = on_stack.on_terminal("alerts")
    assert "summary 3 of cli-a" in seen
    assert "re\\x1b[31muters" in seen
    assert "\x1b[31m" not in seen


@stack
def test_following_shows_each_as_it_comes_until_ctrl_c(on_stack: Program, settings: Settings):
    process = on_stack.start("alerts", "--follow", "--from-beginning", "--json")
    try:
        asyncio.run(publish(settings, b"no alert at all", msgspec.json.encode(alert("cli-f", 1))))
        while json.loads(line := next_line(process))["fingerprint"] != "cli-f":
            pass
        assert msgspec.json.decode(line, type=Alert) == alert("cli-f", 1)
        asyncio.run(publish(settings, msgspec.json.encode(alert("cli-f", 2))))
        assert json.loads(next_line(process))["id"] == "cli-f/2"
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"is no alert" in said


def test_following_waits_for_a_broker_and_says_so_once(pulsewire: Program):
    process = pulsewire.start("alerts", "--follow")
    first = process.stderr.readline()
    time.sleep(2.5)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)
    assert first.startswith(b"waiting: Kafka at 127.0.0.1:1 does not answer")
    assert (process.returncode, rest) == (0, b"")


def test_no_store(pulsewire: Program):
    failed_with(pulsewire("alerts"), "127.0.0.1:1")


def test_wrong_usage():
    wrong_usage("alerts", "--from-beginning", says="it goes with --follow")
    wrong_usage("alerts", "--status", "sleeping", says="sleeping")
    wrong_usage("alerts", "--limit", "0", says="--limit")
