"""What makes `pulsewire bench chaos` fail, though every table is right."""

import time
from types import SimpleNamespace

import pytest

from streams.errors import PulsewireError
from tests.bench import chaos
from tests.chaos import harness
from tests.chaos.kinds import Strike

GOOD = {"recovery_s": {"kill a worker": [1.0]}, "ended_s": [3.0, 9.9]}


def outcome(**other):
    return harness.Outcome(**(GOOD | other))


def run_to(monkeypatch, found):
    async def run(*_, **__):
        return found

    monkeypatch.setattr(chaos, "run", run)
    return chaos.main(["--faults", "1"])


def test_a_run_that_went_well(monkeypatch, capsys):
    found = outcome(skipped={"the store's disk full": "it takes root"}, late=["kill the store"])
    assert [row["fault"] for row in run_to(monkeypatch, found)] == [""]
    assert "skipped: the store's disk full, for it takes root" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"not_reached": ["kill at stored", "stop at produce"]}, "not reached: kill at stored, stop at produce"),
        ({"unplanned": 2}, "died though nobody killed them: 2"),
        ({"ended_s": [3.0, 10.4]}, r"took 10\.4 s to end"),
        ({"recovery_s": {}}, "no fault struck"),
    ],
)
def test_a_run_that_fails(monkeypatch, wrong, says):
    with pytest.raises(PulsewireError, match=f"seed 1: the tables are exact, but .*{says}"):
        run_to(monkeypatch, outcome(**wrong))


def plan(*kinds):
    return harness.Run([Strike(n, kind, 1, 0.0, 0.0, 0.0) for n, kind in enumerate(kinds)], seed=1)


async def strike_all(monkeypatch, wanted, *, reached, ago_s=0):
    """`reached` says of each try whether it struck."""
    answers, found = iter(reached), harness.Outcome()

    async def strike(*_, **__):
        return next(answers)

    monkeypatch.setattr(harness, "_strike", strike)
    here = SimpleNamespace(disks=SimpleNamespace(there=False), bundle=None)
    await harness._strike_all(wanted, here, found, began=time.monotonic() - ago_s, say=print)
    return found


async def test_what_cannot_strike_is_skipped_and_what_is_not_reached_tried_again(monkeypatch):
    wanted = plan("the store's disk full", "a model file missing", "kill a worker", "kill at stored", "kill at produce")
    found = await strike_all(monkeypatch, wanted, reached=[True, False, False, True, False])
    assert set(found.skipped) == {"the store's disk full", "a model file missing"}
    assert (found.not_reached, found.late) == (["kill at produce"], [])


async def test_what_comes_after_its_time_is_no_fault_that_was_missed(monkeypatch):
    wanted = harness.Run(plan("kill a worker").plan, seed=1, minutes=1)
    found = await strike_all(monkeypatch, wanted, reached=[], ago_s=61)
    assert (found.not_reached, found.late) == ([], ["kill a worker"])
