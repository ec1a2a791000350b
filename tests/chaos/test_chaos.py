"""A short run of the fault harness, and the proof that it finds out a worker that lacks a protection.

The long one is `pulsewire bench chaos`; docs/reliability.md has what it survived.
"""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.harness import Run, run
from tests.chaos.kinds import FAMILIES, KINDS, SHORT, plan
from tests.chaos.ledger import Diverged

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]


@pytest.fixture
def seed():
    chosen = int(os.environ.get("PULSEWIRE_CHAOS_SEED", random.randrange(10**6)))
    print(f"chaos seed {chosen}: repeat with PULSEWIRE_CHAOS_SEED={chosen}")
    return chosen


async def test_every_event_counts_once_through_twelve_faults(tmp_path: Path, seed):
    wanted = Run(plan=plan(12, seed=seed, kinds=SHORT), seed=seed, fake=True, settle=False)
    outcome = await run(wanted, tmp_path)
    assert outcome.unplanned == 0, "workers died though nobody killed them"
    assert sum(map(len, outcome.recovery_s.values())) >= 10, f"not reached: {outcome.not_reached}"
    assert outcome.counted["events"] > 1_000
    assert max(outcome.ended_s) < 10


@pytest.mark.parametrize(
    ("without", "faults", "differs"),
    [
        ("counted_offsets", ("kill at stored", "kill at acknowledge"), "windows"),
        ("restore", ("kill at acknowledge", "kill a worker"), "windows"),
        ("untold", ("kill at alerts.publish",), "alerts topic against alerts"),
    ],
)
async def test_a_worker_without_a_protection_is_found_out(tmp_path: Path, without, faults, differs):
    wanted = Run(
        plan=plan(len(faults), seed=5, kinds=faults), seed=5, workers=2, fake=True, without=without, settle=False
    )
    with pytest.raises(Diverged) as found:
        await run(wanted, tmp_path)
    assert found.value.what == differs


def test_a_plan_is_its_seed_and_leaves_nothing_out():
    assert plan(50, seed=7) == plan(50, seed=7) != plan(50, seed=8)
    assert {strike.kind for strike in plan(len(KINDS), seed=7)} == set(KINDS)
    assert set(SHORT) <= set(KINDS)


def test_221_faults_are_ten_of_each_family():
    order = [strike.kind for strike in plan(221, seed=7)]
    times = Counter(order)
    for family, kinds in FAMILIES.items():
        assert sum(times[kind] for kind in kinds) >= 10, family
        assert max(times[kind] for kind in kinds) - min(times[kind] for kind in kinds) <= 1, family
    assert max(map(order.index, FAMILIES["offsets reset"])) < 70
