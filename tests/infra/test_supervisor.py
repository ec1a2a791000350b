"""Parts are started, kept alive and ended; small scripts stand for them."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from infra.embedded import leash
from infra.embedded.errors import StackError
from infra.embedded.part import Part, Probe, Restart
from infra.embedded.process import describe
from infra.embedded.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

QUICK = Restart(first_s=0.05, limit_s=0.1)
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
GRANDCHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{STUBBORN}; time.sleep(60)'])"


class Lines(list[str]):
    def text(self) -> str:
        return "\n".join(self)


@pytest.fixture
def said() -> Lines:
    return Lines()


@pytest.fixture
async def supervisor(tmp_path: Path, said: Lines) -> AsyncIterator[Supervisor]:
    made = Supervisor(tmp_path / "logs", say=said.append)
    yield made
    await made.close()


def script(tmp_path: Path, body: str, *, name: str = "part", **options: object) -> Part:
    """A part that is ready once its script has made a file."""
    flag = tmp_path / f"{name}.ready"
    code = f"import pathlib, time; {body}; pathlib.Path({str(flag)!r}).touch(); time.sleep(60)"
    return Part(
        name=name,
        argv=(sys.executable, "-c", code),
        ready=exists(flag),
        **{"restart": QUICK, "grace_s": 1.0, **options},  # type: ignore[arg-type]
    )


def exists(path: Path) -> Probe:
    async def probe() -> bool:
        return path.exists()  # noqa: ASYNC240  # a test has nothing else to do

    return probe


def gone(process: psutil.Process) -> bool:
    """Ended; whether somebody has read its exit code yet is not ours to wait for."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until(condition: object, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


async def test_pids_are_the_processes_own(supervisor: Supervisor, tmp_path: Path):
    await supervisor.add(script(tmp_path, "pass"))
    command = psutil.Process(supervisor.pids()["part"]).cmdline()
    assert "time.sleep(60)" in command[2]


async def test_output_goes_to_a_log_of_the_part(supervisor: Supervisor, tmp_path: Path):
    await supervisor.add(script(tmp_path, "print('hello', flush=True)"))
    await until(lambda: supervisor.log("part").read_text() == "hello\n")


async def test_what_dies_is_started_again(supervisor: Supervisor, tmp_path: Path, said: Lines):
    await supervisor.add(script(tmp_path, "pass"))
    first = supervisor.pids()["part"]
    supervisor.kill("part", signal.SIGKILL)
    await until(lambda: "part is back" in said)
    assert supervisor.pids()["part"] != first
    assert supervisor.restarts("part") == 1
    assert "part ended by SIGKILL" in said[0]
    assert "starting it again" in said[0]


async def test_stopped_is_stopped(supervisor: Supervisor, tmp_path: Path, said: Lines):
    await supervisor.add(script(tmp_path, "pass"))
    pid = supervisor.pids()["part"]
    await supervisor.stop("part")
    assert not psutil.pid_exists(pid)
    assert supervisor.pids() == {}
    assert said == []


async def test_a_stop_while_it_waits_to_start_again(supervisor: Supervisor, tmp_path: Path, said: Lines):
    await supervisor.add(script(tmp_path, "pass", restart=Restart(first_s=60.0)))
    supervisor.kill("part", signal.SIGKILL)
    await until(lambda: said)
    began = time.monotonic()
    await supervisor.stop("part")
    assert time.monotonic() - began < 1


async def test_without_a_policy_it_stays_down(supervisor: Supervisor, tmp_path: Path, said: Lines):
    await supervisor.add(script(tmp_path, "pass", restart=None))
    supervisor.kill("part", signal.SIGTERM)
    await until(lambda: said)
    assert supervisor.pids() == {}


async def test_who_would_only_do_the_same_again_stays_down(supervisor: Supervisor, tmp_path: Path, said: Lines):
    """A worker that stopped for too many dead letters would begin to count anew, and empty the topic after all."""
    policy = Restart(first_s=0.05, never_after=frozenset({65}))
    ends = "import os, signal; signal.signal(signal.SIGTERM, lambda *_: os._exit(%d))"
    for name, code in (("down", 65), ("back", 66)):
        await supervisor.add(script(tmp_path, ends % code, name=name, restart=policy))
        supervisor.kill(name, signal.SIGTERM)
    await until(lambda: "back is back" in said.text())
    assert set(supervisor.pids()) == {"back"}
    assert "down ended with code 65" in said.text()
    assert said.text().count("starting it again") == 1


async def test_the_last_one_added_is_stopped_first(tmp_path: Path):
    ended: list[str] = []
    supervisor = Supervisor(tmp_path / "logs", say=print)
    say_goodbye = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print(time.time()), sys.exit()))"
    for name in ("first", "second"):
        await supervisor.add(script(tmp_path, say_goodbye, name=name))
    logs = {name: supervisor.log(name) for name in ("first", "second")}
    await supervisor.close()
    ended = sorted(logs, key=lambda name: float(logs[name].read_text()))
    assert ended == ["second", "first"]


async def test_who_ignores_sigterm_is_killed_with_its_children(supervisor: Supervisor, tmp_path: Path):
    await supervisor.add(script(tmp_path, f"{STUBBORN}; {GRANDCHILD}"))
    part = psutil.Process(supervisor.pids()["part"])
    await until(part.children)
    family = [part, *part.children()]
    await supervisor.stop("part")
    assert all(gone(process) for process in family)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
async def test_a_killed_leash_takes_its_part_along(supervisor: Supervisor, tmp_path: Path, said: Lines):
    await supervisor.add(script(tmp_path, "pass"))
    part = psutil.Process(supervisor.pids()["part"])
    leash_process = part.parent()
    assert leash_process is not None
    leash_process.kill()
    await until(lambda: gone(part))
    await until(lambda: "part is back" in said)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise SystemExit('no such thing')", "ended with code 1: no such thing"),
        ("raise OSError(28, 'No space left on device')", "the disk is full"),
        ("raise OSError(98, 'Address already in use')", "its port is taken"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
    ],
)
async def test_a_part_that_cannot_start_says_why(supervisor: Supervisor, tmp_path: Path, body: str, words: str):
    with pytest.raises(StackError, match=words) as raised:
        await supervisor.add(script(tmp_path, body))
    assert "\n" not in str(raised.value)
    assert supervisor.pids() == {}


async def test_an_earlier_runs_trouble_is_no_reason(supervisor: Supervisor, tmp_path: Path, said: Lines):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "part.log").write_text("OSError: No space left on device\n")
    await supervisor.add(script(tmp_path, "pass"))
    supervisor.kill("part", signal.SIGKILL)
    await until(lambda: said)
    assert said[0].startswith("part ended by SIGKILL (see ")


async def test_a_program_that_is_missing(supervisor: Supervisor, tmp_path: Path):
    part = Part(name="part", argv=(str(tmp_path / "nowhere"),), ready=exists(tmp_path / "never"))
    with pytest.raises(StackError, match="cannot be started"):
        await supervisor.add(part)


async def test_a_part_that_is_never_ready_is_ended(supervisor: Supervisor, tmp_path: Path):
    with pytest.raises(StackError, match="not ready within 0 s"):
        await supervisor.add(script(tmp_path, "time.sleep(60)", ready_within_s=0.3))


async def test_a_start_that_is_cancelled_leaves_nothing(supervisor: Supervisor, tmp_path: Path):
    adding = asyncio.create_task(supervisor.add(script(tmp_path, "time.sleep(60)")))
    await until(supervisor.pids)
    pid = supervisor.pids()["part"]
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert not psutil.pid_exists(pid)


async def test_names_are_unique(supervisor: Supervisor, tmp_path: Path):
    await supervisor.add(script(tmp_path, "pass"))
    with pytest.raises(StackError, match="runs already"):
        await supervisor.add(script(tmp_path, "pass"))
    with pytest.raises(StackError, match="no part is named"):
        supervisor.kill("other", signal.SIGTERM)


def test_waits_double_up_to_a_limit():
    policy = Restart(first_s=0.5, limit_s=3.0)
    assert [policy.delay_s(n) for n in (1, 2, 3, 4, 99)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_exit_codes_in_words():
    assert [describe(code) for code in (3, 137, 127, 255)] == [
        "ended with code 3",
        "ended by SIGKILL",
        "cannot be started",
        "ended with code 255",
    ]


def test_a_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leash, "LOG_LIMIT_BYTES", 10)
    log = leash.Log(tmp_path / "part.log")
    for line in (b"a long first line\n", b"second\n"):
        log.write(line)
    assert (tmp_path / "part.log.1").read_bytes() == b"a long first line\n"
    assert (tmp_path / "part.log").read_bytes() == b"second\n"
    log.close()


async def test_a_start_that_is_called_off_leaves_nothing_and_says_nothing(
    supervisor: Supervisor, tmp_path: Path, said: Lines
):
    slow = [script(tmp_path, "time.sleep(0.5)", name=name) for name in ("a", "b")]
    starting = asyncio.create_task(supervisor.add_all(slow))
    await until(lambda: len(supervisor.pids()) == 2)
    pids = supervisor.pids().values()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await supervisor.close()
    assert (supervisor.pids(), said) == ({}, [])
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_closed_while_one_is_being_stopped(supervisor: Supervisor, tmp_path: Path):
    await supervisor.add_all([script(tmp_path, "pass", name=name) for name in ("a", "b")])
    await asyncio.gather(supervisor.stop("a"), supervisor.stop("b"), supervisor.close())
    assert supervisor.pids() == {}


async def test_the_first_that_fails_ends_the_others_start(supervisor: Supervisor, tmp_path: Path):
    with pytest.raises(StackError, match="bad did not start"):
        await supervisor.add_all(
            [script(tmp_path, "time.sleep(60)", name="slow"), script(tmp_path, "raise SystemExit(3)", name="bad")]
        )
    assert supervisor.pids() == {}
