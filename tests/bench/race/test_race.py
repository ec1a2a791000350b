"""What the races compute and say without a race."""

import json
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import PulsewireError
from tests.bench.race import environment
from tests.bench.race.score import Entrant, rows, share
from tests.bench.race.weights import config_of, transformers_folder

RATES = st.lists(st.floats(0.5, 1e6), min_size=1, max_size=7)


def test_ours_stands_first_and_each_other_beside_it_by_rounds():
    ours = Entrant("ours", rates=[100.0, 200.0, 300.0])
    first, slow, fast = rows("texts", ours, [
        Entrant("slow", bar=5.0, rates=[10.0, 40.0, 50.0], agrees=0.9871),
        Entrant("fast", bar=2.0, rates=[100.0, 100.0, 200.0]),
    ])  # fmt: skip
    assert first == {
        "race": "texts", "who": "ours", "a second": "200 (100 to 300)", "Pulsewire against it": "",
        "processor ms each": "", "bar": "", "labels as ours": "",
    }  # fmt: skip
    assert slow["Pulsewire against it"] == "6.00 (5.00 to 10.00)"
    assert (slow["bar"], fast["bar"]) == ("5, met", "2, missed")
    assert slow["labels as ours"] == "0.987"


@given(RATES)
def test_against_itself_it_is_once_as_fast(rates):
    _, other = rows("texts", Entrant("ours", rates=rates), [Entrant("same", bar=1.0, rates=rates)])
    assert other["Pulsewire against it"] == "1.00 (1.00 to 1.00)"
    assert other["bar"] == "1, met"


def test_a_round_that_one_of_them_missed_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        rows("texts", Entrant("ours", rates=[1.0, 2.0]), [Entrant("other", rates=[1.0])])


def test_a_round_is_told_as_what_a_second_does_and_what_one_costs():
    one = Entrant("one")
    one.ran(200, seconds=4.0, processor_s=6.0)
    assert (one.rates, one.spent_ms) == ([50.0], [30.0])
    assert Entrant("another").rates == []


def test_the_share_of_equal_labels():
    assert share(["a", "b", "a", "a"], ["a", "b", "b", "a"]) == 0.75


def test_a_folder_without_a_run_is_told_in_one_line(tmp_path: Path):
    with pytest.raises(PulsewireError, match=r"holds no training run.*pulsewire train.*--run"):
        transformers_folder(tmp_path, tmp_path / "cache")


def test_transformers_finds_the_code_and_the_labels():
    config = config_of({"model_type": "bert", "hidden_size": 384})
    (place,) = config["auto_map"].values()
    module, name = place.split(".")
    assert f"class {name}(" in (environment.PROGRAMS / f"{module}.py").read_text()
    assert list(config["id2label"].values()) == ["negative", "neutral", "positive"]
    assert json.loads(msgspec.json.encode(config))["hidden_size"] == 384


def test_every_version_is_pinned_and_every_library_that_is_shown_is_among_them():
    lines = [line for line in environment.REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert all("==" in line for line in lines)
    missing = set() if sys.version_info < (3, 13) else {"bytewax"}
    assert set(environment.versions()) == set(environment.SHOWN) - missing


def test_a_peer_sees_none_of_our_modules(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    assert "PYTHONPATH" not in environment.environment()
    assert environment.environment()["HF_HUB_OFFLINE"] == "1"


def test_libraries_that_cannot_be_installed_are_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wrong = tmp_path / "requirements.txt"
    wrong.write_text(f"{tmp_path}/no-such-wheel-1.0-py3-none-any.whl\n")
    monkeypatch.setattr(environment, "REQUIREMENTS", wrong)
    with pytest.raises(PulsewireError, match=r"cannot be installed .*network once") as raised:
        environment.python_of_peers(tmp_path / "cache")
    assert "\n" not in str(raised.value)
