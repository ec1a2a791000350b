"""The fault points themselves: off unless asked for, once each, claimed before they act."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from streams import faults
from streams.errors import Unreachable
from streams.faults import POINTS, Fault, Faults, struck_folder

STREAMS = Path(faults.__file__).parent


@pytest.fixture
def schedule(tmp_path):
    return tmp_path / "schedule.json"


def arm(schedule, *some):
    fresh = schedule.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(some))
    fresh.replace(schedule)


def struck(schedule):
    return sorted(path.name for path in struck_folder(schedule).iterdir())


def test_off_unless_a_schedule_is_named():
    assert faults.at is faults._off
    assert faults.at("decode.before") is None


def test_every_point_is_somewhere_and_only_there():
    found = [
        point
        for path in STREAMS.rglob("*.py")
        for point in re.findall(r'faults\.at\("([^"]+)"\)', path.read_text(encoding="utf-8"))
    ]
    assert sorted(found) == sorted(POINTS)


def test_the_nth_time_and_once(schedule):
    arm(schedule, Fault(1, "counted", "raise", nth=2))
    worker = Faults(schedule, worker="one")
    worker.at("counted")
    worker.at("stored")
    with pytest.raises(Unreachable, match="fault 1 at counted"):
        worker.at("counted")
    worker.at("counted")
    Faults(schedule, worker="one").at("counted")
    assert struck(schedule) == ["1"]


def test_one_worker_of_several_and_one_of_any(schedule):
    arm(schedule, Fault(1, "stored", "raise", worker="two"), Fault(2, "restore", "raise"))
    one, two = Faults(schedule, worker="one"), Faults(schedule, worker="two")
    one.at("stored")
    with pytest.raises(Unreachable, match="fault 1"):
        two.at("stored")
    with pytest.raises(Unreachable, match="fault 2"):
        one.at("restore")
    two.at("restore")


def test_a_schedule_that_is_replaced_is_read_again(schedule):
    worker = Faults(schedule, worker="one")
    worker.at("stored")
    arm(schedule, Fault(1, "stored", "raise"))
    with pytest.raises(Unreachable):
        worker.at("stored")
    arm(schedule, Fault(1, "stored", "raise"), Fault(2, "stored", "sleep", sleep_s=0.05))
    began = time.monotonic()
    worker.at("stored")
    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize(("action", "number"), [("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)])
def test_the_claim_is_written_before_the_process_is_gone(schedule, action, number):
    arm(schedule, Fault(7, "acknowledge", action))
    process = start(schedule)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert (os.WTERMSIG(status) if action == "kill" else os.WSTOPSIG(status)) == number
    claim = json.loads((struck_folder(schedule) / "7").read_text())
    assert (claim["worker"], claim["pid"]) == ("one", process.pid)
    if action == "stop":
        process.send_signal(signal.SIGCONT)
        _, status = os.waitpid(process.pid, 0)
        assert os.WEXITSTATUS(status) == 0
    process.returncode = 0  # it was waited for behind its back
    again = start(schedule)
    assert again.wait(10) == 0, "it must not strike whoever comes after"


def start(schedule):
    code = "from streams import faults; faults.at('acknowledge')"
    env = os.environ | {faults.SCHEDULE: str(schedule), faults.WORKER: "one"}
    return subprocess.Popen((sys.executable, "-c", code), env=env, cwd=STREAMS.parent)
