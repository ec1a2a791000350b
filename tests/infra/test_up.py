"""`pulsewire up`: what it refuses, in one line each, before anything is started; and a whole run."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.embedded.folder import Folder
from infra.embedded.ports import LOOPBACK, free_port
from infra.up import until_signalled

PULSEWIRE = Path(sys.executable).with_name("pulsewire")


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    names = {
        "KAFKA": f"{LOOPBACK}:{free_port()}",
        "CLICKHOUSE": f"http://{LOOPBACK}:{free_port()}",
        "PAGE": f"{LOOPBACK}:{free_port()}",
        "DATA_DIR": str(data_dir),
        **settings,
    }
    return {**os.environ, **{f"PULSEWIRE_{name}": value for name, value in names.items()}}


def up(data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    env = environment(data_dir, **settings)
    return subprocess.run([PULSEWIRE, "up"], env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "settings",
    [{"KAFKA": "kafka.example:9092"}, {"CLICKHOUSE": "https://store.example:8443"}, {"PAGE": "0.0.0.0:8080"}],
)
def test_addresses_elsewhere(tmp_path: Path, settings: dict[str, str]):
    done = up(tmp_path, **settings)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"PULSEWIRE_{next(iter(settings))} is" in done.stderr


@pytest.mark.parametrize(("name", "form"), [("KAFKA", "{}"), ("CLICKHOUSE", "http://{}"), ("PAGE", "{}")])
def test_a_port_that_is_taken(tmp_path: Path, name: str, form: str):
    with socket.create_server((LOOPBACK, 0)) as listener:
        address = f"{LOOPBACK}:{listener.getsockname()[1]}"
        done = up(tmp_path, **{name: form.format(address)})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"(PULSEWIRE_{name}) is taken" in done.stderr


async def test_a_second_one_on_the_same_folder(tmp_path: Path):
    folder = await Folder.own(tmp_path, say=print)
    done = up(tmp_path)
    folder.close()
    assert done.returncode == 1
    assert f"{tmp_path} is in use by another Pulsewire (process {os.getpid()})" in done.stderr


@pytest.mark.stack
def test_a_whole_run(tmp_path: Path):
    env = environment(tmp_path)
    with subprocess.Popen([PULSEWIRE, "up", "--workers", "2"], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        shown = "".join(iter(process.stdout.readline, "Ctrl-C ends it.\n"))
        family = psutil.Process(process.pid).children(recursive=True)
        second = up(tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    for name in ("KAFKA", "CLICKHOUSE", "PAGE"):
        assert env[f"PULSEWIRE_{name}"] in shown
    assert len(family) == 10  # broker, store, page, two workers, and a leash for each
    assert (second.returncode, "in use" in second.stderr) == (1, True)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


async def test_a_second_signal_does_not_cut_the_clean_up_short():
    said, steps = [], []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.1)
            steps.append("cleaned up")

    assert await until_signalled(work(), say=said.append) is False
    assert (said, steps) == (["stopping ..."], ["cleaned up"])
