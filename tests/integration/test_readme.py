"""The README's snippets, run as they stand, by a newcomer with a stack and a worker."""

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.embedded.ports import free_port
from infra.embedded.stack import Stack
from infra.init import initialise
from infra.up import program_part
from streams.adapters.publisher import KafkaPublisher
from streams.core.message import Outgoing
from streams.settings import Kafka, load_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
PROGRAM = str(Path(sys.executable).with_name("pulsewire"))


def commands():
    """Every `pulsewire ...` of the README, with what is piped into it."""
    lines = (line.split("  #")[0].strip() for line in "".join(SHELL).splitlines())
    return [re.sub(r"(^|\| )pulsewire ", rf"\1{PROGRAM} ", line) for line in lines if "pulsewire " in line]


def command(word):
    (found,) = [line for line in commands() if word in line]
    return found


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A stack with one worker, as variables."""
    folder, ready, done = tmp_path_factory.mktemp("readme"), [], asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run():
        async with Stack(folder / "stack") as stack:
            port = free_port()
            env = {
                "PULSEWIRE_KAFKA": stack.addresses.kafka,
                "PULSEWIRE_CLICKHOUSE": stack.addresses.clickhouse,
                "PULSEWIRE_DATA_DIR": str(folder),
                "PULSEWIRE_METRICS_PORT": str(port),
            }
            await initialise(load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse))
            part = program_part("worker", "worker", env=env, ready_url=f"http://127.0.0.1:{port}/readyz")
            await stack.supervisor.add(part)
            ready.append(os.environ | env)
            await done.wait()

    import threading

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    while not ready and thread.is_alive():
        time.sleep(0.1)
    assert ready, "the stack did not come up"
    yield ready[0]
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


def run(argv, environment, **kwargs):
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False, **kwargs)


def eventually(argv, environment, wanted, **kwargs):
    deadline = time.monotonic() + 60
    while True:
        done = run(argv, environment, **kwargs)
        assert done.returncode == 0, done.stderr
        if all(text in done.stdout for text in wanted):
            return done.stdout
        assert time.monotonic() < deadline, f"expected {wanted} in:\n{done.stdout}"
        time.sleep(0.5)


@pytest.mark.stack
def test_produce_ingest_query(environment):
    produce, query, _ = PYTHON
    done = run([sys.executable, "-c", produce], environment)
    assert done.returncode == 0, done.stderr
    ingested = run(["sh", "-c", command("ingest jsonl")], environment)
    assert ingested.returncode == 0, ingested.stderr
    shown = eventually([sys.executable, "-c", query], environment, ["Acme's profit", "艾克美", "positive", "negative"])
    assert "herald" in shown
    trend = eventually(["sh", "-c", command("FROM trend")], environment, ["herald"])
    assert "herald" in trend
    kinds = [PROGRAM, "query", "SELECT kind, count() FROM events FINAL GROUP BY kind"]
    eventually(kinds, environment, ["logs", "news", "user"])


@pytest.mark.stack
def test_subscribe(environment):
    publisher = KafkaPublisher(Kafka.of(load_settings(kafka=environment["PULSEWIRE_KAFKA"])))
    alert = b'{"status": "firing", "severity": "critical", "annotations": {"summary": "Errors of payments rose"}}'

    async def publish():
        await publisher.publish([Outgoing("alerts", b"f", alert)])
        await publisher.close()

    asyncio.run(publish())
    process = subprocess.Popen([sys.executable, "-c", PYTHON[2]], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "firing critical Errors of payments rose\n"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.stack
def test_classify_and_doctor(environment):
    done = run(["sh", "-c", command("classify")], environment)
    assert done.returncode == 0, done.stderr
    bad, good = done.stdout.splitlines()
    assert '"sentiment":"negative"' in bad.replace(" ", "")
    assert '"sentiment":"positive"' in good.replace(" ", "")
    assert "艾" not in good
    doctor = run(["sh", "-c", command("doctor")], environment)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr


def test_every_document_that_is_named_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
