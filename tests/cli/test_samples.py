"""Samples go out to be labelled, and come back as rows."""

from __future__ import annotations

import asyncio
import csv
import json
import uuid
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from models.datasets import labelled
from models.labels import SENTIMENT
from streams.adapters.clickhouse import connect
from streams.adapters.event_store import ClickHouseEventStore
from streams.core.event import Event, Findings, Said, Sample, Scored
from tests.cli.ends import failed_with

if TYPE_CHECKING:
    from pathlib import Path

    from streams.settings import Settings
    from tests.cli.conftest import Program

pytestmark = pytest.mark.stack


def sample(offset: int, text: str, *, reason: str, doubt: float, desk: str = "", mood: str = "neutral") -> Sample:
    event = Event("user", "user.events", 900, offset, f"id-{offset}", 0, 0, action="review", text=text, lang="en")
    heads = {DESK: Said(desk, 0.6)} if desk else {}
    return Sample(reason, Scored(event, Findings(model="m", sentiment=mood, uncertainty=doubt, heads=heads)), 0)


DESK = f"desk_{uuid.uuid4().hex[:8]}"  # the store outlives this file's tests
SAMPLES = [
    sample(0, "sure", reason="random", doubt=0.1, desk="order"),
    sample(1, "'doubtful',\n\"twice\" 汉", reason="random", doubt=0.9, desk="refund"),
    sample(1, "'doubtful',\n\"twice\" 汉", reason="uncertain", doubt=0.9, desk="refund"),
    sample(2, "hardly", reason="uncertain", doubt=0.6, desk="order"),
    sample(3, "nothing said", reason="uncertain", doubt=0.7),
]
EXPECTED = [("'doubtful',\n\"twice\" 汉", "refund"), ("hardly", "order"), ("sure", "order")]


@pytest.fixture(scope="module")
def _picked(settings: Settings) -> None:
    async def write() -> None:
        client = await connect(settings)
        await ClickHouseEventStore(client).write_samples(SAMPLES, told=True)
        await client.close()

    asyncio.run(write())


@pytest.mark.usefixtures("_picked")
def test_samples_are_written_once_each_the_doubtful_first(on_stack: Program, tmp_path: Path) -> None:
    done = on_stack("samples", "export", "--to", str(tmp_path / "x.jsonl"), "--head", DESK)
    assert (done.returncode, done.stdout) == (0, b"")
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [(row["text"], row["said"]) for row in rows] == EXPECTED
    assert {(row["label"], row["kind"], row["event_time"]) for row in rows} == {
        ("", "user", "1970-01-01T00:00:00.000Z")
    }
    failed_with(on_stack("samples", "export", "--to", str(tmp_path / "x.jsonl")), "exists, and may hold labels")
    table = tmp_path / "x.csv"
    few = ("--reason", "uncertain", "--kind", "user", "--limit", "5")
    assert on_stack("samples", "export", "--to", str(table), "--format", "csv", "--head", DESK, *few).returncode == 0
    with table.open(newline="") as lines:
        assert [(row["text"], row["said"]) for row in csv.DictReader(lines)] == EXPECTED[:2]


@pytest.mark.usefixtures("_picked")
def test_what_label_studio_gives_back_is_read(on_stack: Program, tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    done = on_stack("samples", "export", "--to", str(path), "--format", "label-studio")
    assert done.returncode == 0, done.stderr
    tasks = json.loads(path.read_text())
    (mine,) = [task for task in tasks if task["data"]["text"] == "nothing said"]
    assert mine["predictions"][0]["result"][0]["value"]["choices"] == ["neutral"]
    interface = ET.parse(tmp_path / "tasks.xml")  # noqa: S314 - our own
    assert [choice.get("value") for choice in interface.iter("Choice")] == list(SENTIMENT)
    mine["annotations"] = [{"result": [{"from_name": "label", "type": "choices", "value": {"choices": ["negative"]}}]}]
    path.write_text(json.dumps(tasks))
    found = labelled.read(path)
    assert [(row.text, row.label) for row in found.rows] == [("nothing said", "negative")]
    assert "have no label yet" in found.remarks[0]


def test_nothing_to_write_leaves_no_file(on_stack: Program, tmp_path: Path) -> None:
    done = on_stack("samples", "export", "--to", str(tmp_path / "x"), "--head", "nobody")
    failed_with(done, "no sample has a text of which head 'nobody' said something")
    assert not (tmp_path / "x").exists()
