"""The model's commands, as they are typed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

import export.cli
import models.cli
from models import extra, measuring, registry

TFNS = "text,label,label_name\nAcme shares jump on record profit,1,positive\nAcme shares plunge on loss,0,negative\n"


def pulsewire(*arguments: str) -> Result:
    """Run a command as the program does, with the commands of models and export."""
    app = typer.Typer()
    for layer in (models.cli.app, export.cli.app):
        app.registered_commands += layer.registered_commands
        app.registered_groups += layer.registered_groups
    return CliRunner().invoke(app, list(arguments))


def one_line(result: Result) -> str:
    """The one line with which a command failed."""
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("pulsewire: ")
    return line


@pytest.fixture
def seed_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one set of two made-up rows."""
    folder = tmp_path / "seed" / "sentiment_tfns"
    folder.mkdir(parents=True)
    for name in ("train", "validation"):
        (folder / f"{name}.csv").write_text(TFNS)
    monkeypatch.setenv("PULSEWIRE_SEED_DATA", str(folder.parent))
    return folder.parent


@pytest.mark.parametrize("command", ["train", "evaluate", "export", "bundle"])
def test_help_teaches(command: str) -> None:
    result = pulsewire(command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_an_unknown_option_is_wrong_usage() -> None:
    assert pulsewire("evaluate", "--nonsense").exit_code == 2


@pytest.mark.train
def test_a_run_that_is_not_there_cannot_be_resumed(seed_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`")
    line = one_line(pulsewire("train", "--resume", "--out", str(tmp_path / "run")))
    assert "holds no run to go on with" in line
    assert not (tmp_path / "run").exists()


def test_bundles_are_listed_verified_promoted_and_rolled_back(shipped: Path, linked: Path) -> None:
    base, small = json.loads(pulsewire("bundle", "list", "--json").stdout)
    assert (base["active"], base["folder"]) == (True, str(shipped))
    assert (small["active"], small["folder"]) == (False, str(registry.SHIP["small"]))
    assert "is whole" in pulsewire("bundle", "verify").stdout
    assert "is in force" in pulsewire("bundle", "promote", str(linked)).stdout
    assert registry.active() != shipped
    assert "whole" in pulsewire("bundle", "list").stdout
    assert "shipped is in force" in pulsewire("bundle", "rollback").stdout
    assert "nothing to roll back" in one_line(pulsewire("bundle", "rollback"))


def test_a_damaged_bundle_fails_in_one_line(linked: Path) -> None:
    (linked / "tokenizer.json").unlink()
    assert "tokenizer.json is missing" in one_line(pulsewire("bundle", "verify", str(linked)))
    assert "tokenizer.json is missing" in one_line(pulsewire("bundle", "promote", str(linked)))


def test_the_setting_that_goes_before_a_promotion_is_told(linked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEWIRE_BUNDLE", "/elsewhere")
    assert "PULSEWIRE_BUNDLE names /elsewhere" in pulsewire("bundle", "promote", str(linked)).stderr


def test_a_bundle_is_evaluated(shipped: Path, seed_data: Path) -> None:
    result = pulsewire("evaluate", "--set", "tfns", "--threads", "1", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["device"] == "CPU"
    assert found["sets"][0]["rows"] == 2
    assert found["sets"][0]["accuracy"] == 1.0
    assert found["sets"][0]["confusion"] == {"negative": {"negative": 1}, "positive": {"positive": 1}}
    assert "ECE" in pulsewire("evaluate", "--set", "tfns", "--limit", "1").stdout


def test_two_bundles_are_compared_and_a_page_is_written(shipped: Path, seed_data: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.md"
    arguments = ("--against", str(shipped), "--set", "tfns", "--threads", "1", "--markdown", str(page))
    result = pulsewire("evaluate", *arguments, "--json")
    found = json.loads(result.stdout)
    assert [one["metric"] for one in found["differences"]] == ["accuracy", "macro_f1"]
    assert found["differences"][0]["low"] == found["differences"][0]["high"] == 0
    written = page.read_text()
    assert "## Against" in written
    assert "Texts a second are those of CPU, 1 thread, from text to answer." in written
    assert "against" in pulsewire("evaluate", *arguments).stdout


def test_a_page_that_cannot_be_written_is_said_before_a_row_is_read(
    seed_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "measure", lambda *_rest, **_more: pytest.fail("it was evaluated"))
    for page in (seed_data / "sentiment_tfns" / "train.csv" / "page.md", tmp_path, Path()):
        line = one_line(pulsewire("evaluate", "--set", "tfns", "--markdown", str(page)))
        assert line.endswith("name another file with --markdown")


def test_looking_whether_a_page_can_be_written_leaves_it(tmp_path: Path) -> None:
    for content in ("", "an earlier page"):
        page = tmp_path / f"{len(content)}.md"
        if content:
            page.write_text(content)
        measuring.require_place(page)
        assert (page.read_text() if page.exists() else "") == content
        assert page.exists() == bool(content)


def test_evaluation_without_data(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEWIRE_SEED_DATA", str(tmp_path / "none"))
    assert "set PULSEWIRE_SEED_DATA" in one_line(pulsewire("evaluate"))


def test_a_set_that_is_not_there(shipped: Path, seed_data: Path) -> None:
    assert "topic_tfnt" in one_line(pulsewire("evaluate", "--set", "tfnt"))
    assert "there is no set imdb" in one_line(pulsewire("evaluate", "--set", "imdb"))


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "NEEDED", ("no_such_library",))
    for command in ("train", "export"):
        assert "uv sync --extra train" in one_line(pulsewire(command))


@pytest.mark.train
def test_training_without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`")
    monkeypatch.setenv("PULSEWIRE_SEED_DATA", str(tmp_path / "none"))
    assert "set PULSEWIRE_SEED_DATA" in one_line(pulsewire("train", "--out", str(tmp_path / "run")))


@pytest.mark.train
def test_exporting_what_is_no_run(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`")
    assert "holds no whole training run" in one_line(pulsewire("export", str(tmp_path)))


def test_serving_loads_nothing_heavy() -> None:
    heavy = "torch transformers onnx peft pandas sklearn"
    code = (
        f"import sys, models.runtime, models.cli, export.cli; print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
