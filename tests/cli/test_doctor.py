from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from aiokafka import TopicPartition

from models import registry
from models.manifest import MODEL
from streams.doctor import broker, machine, store
from streams.settings import load_settings
from streams.topology import RAW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Program

has_bundle = pytest.mark.skipif(not (registry.shipped() / MODEL).is_file(), reason="no bundle has been exported yet")


def by_check(stdout: bytes) -> dict[str, dict[str, str]]:
    return {one["check"]: one for one in map(json.loads, stdout.splitlines())}


@pytest.mark.stack
@has_bundle
def test_all_is_well_on_a_stack_that_was_initialised(on_stack: Program):
    done = on_stack("doctor", "--json")
    found = by_check(done.stdout)
    assert done.returncode == 0, done
    for check in ("kafka", "topics", "clickhouse", "tables", "reader", "bundle", "inference", "versions"):
        assert found[check]["status"] == "ok", found[check]
    assert "runs on CPU" in found["inference"]["detail"] or "runs on CUDA" in found["inference"]["detail"]
    assert "3.1" in found["versions"]["detail"]


@has_bundle
def test_nothing_is_reachable(pulsewire: Program):
    done = pulsewire("doctor", "--json")
    found = by_check(done.stdout)
    assert done.returncode == 1
    assert [check for check, one in found.items() if one["status"] == "fail"] == ["kafka", "clickhouse"]
    assert "PULSEWIRE_KAFKA" in found["kafka"]["advice"]
    assert done.stderr.decode().splitlines() == [
        f"pulsewire: 2 of {len(found)} checks failed: kafka, clickhouse",
    ]


def test_a_bundle_that_is_none_and_a_folder_that_cannot_be(pulsewire: Program, tmp_path: Path):
    pulsewire.env |= {"PULSEWIRE_BUNDLE": str(tmp_path), "PULSEWIRE_DATA_DIR": "/proc/nowhere"}
    done = pulsewire("doctor")
    said = done.stdout.decode()
    assert done.returncode == 1
    assert f"fail\tbundle: there is no bundle in {tmp_path}" in said
    assert "fail\tdisk: " in said


def test_a_wrong_setting_is_named(pulsewire: Program):
    pulsewire.env["PULSEWIRE_KAFKA"] = "nowhere"
    done = pulsewire("doctor")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"pulsewire: setting kafka (PULSEWIRE_KAFKA) is 'nowhere'")


def test_a_partition_that_is_far_behind_is_a_warning():
    ends = {TopicPartition(topic, 0): 50_000 for topic in RAW.values()}
    read = dict.fromkeys(ends, 49_000) | {TopicPartition("logs.raw", 0): 7}
    found = {one.check: one for one in broker._lag(read, ends, group="pulsewire")}
    assert {check: one.status for check, one in found.items()} == {
        "lag of news.raw": "ok", "lag of logs.raw": "warn", "lag of user.events": "ok",
    }  # fmt: skip
    assert "49,993 events waiting (0: 49,993)" in found["lag of logs.raw"].detail


def test_missing_topics_are_named():
    found = broker._topics([{"topic": "alerts", "partitions": [{}]}], load_settings())
    assert found.status == "fail"
    assert "news.raw" in found.detail
    assert "alerts" not in found.detail.replace(" ", "").split(",")
    assert "pulsewire init" in found.advice


def test_columns_that_a_migration_would_bring_are_named():
    there = {(table, name) for table, names in store.WRITTEN.items() for name in names}
    assert store.lacking_columns(there) == []
    assert store.lacking_columns(there - {("events", "heads"), ("samples", "heads")}) == [
        "events.heads",
        "samples.heads",
    ]


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(machine, "FULL", 1 << 62)
    assert machine._disk(tmp_path / "not" / "yet").status == "fail"


def test_a_variable_that_is_no_setting(pulsewire: Program):
    pulsewire.env |= {"PULSEWIRE_PARTITONS": "8"}
    found = by_check(pulsewire("doctor", "--json").stdout)
    assert found["settings"]["status"] == "warn"
    assert "PULSEWIRE_PARTITONS; is it PULSEWIRE_PARTITIONS?" in found["settings"]["detail"]
