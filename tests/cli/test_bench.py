from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from streams.errors import PulsewireError
from tests.cli.ends import wrong_usage

if TYPE_CHECKING:
    from pathlib import Path


command = import_module("streams.cli.bench")  # in the package, its function stands under its name
SUMS = '''"""How fast numbers add up.

More of it.
"""


def main(argv):
    return [{"count": int(argv[1]), "per_s": 1234567.0}] if argv[0] == "--n" else None
'''


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two benchmarks, one of which is none, and what stands beside them."""
    folder = tmp_path / "tests" / "bench"
    folder.mkdir(parents=True)
    (folder / "sums.py").write_text(SUMS)
    (folder / "hollow.py").write_text('"""Nothing in it."""\n')
    for name in ("_shared.py", "conftest.py", "test_sums.py"):
        (folder / name).write_text("")
    monkeypatch.setattr(command, "checkout", lambda: tmp_path)
    return tmp_path


def bench(*args: str):
    app = typer.Typer()
    app.command(context_settings=command.ANY_OPTION)(command.bench)
    return CliRunner().invoke(app, args)


def test_they_are_listed_with_what_they_measure(root: Path):
    rows = [json.loads(line) for line in bench("--json").stdout.splitlines()]
    assert rows == [
        {"name": "hollow", "measures": "Nothing in it."},
        {"name": "sums", "measures": "How fast numbers add up."},
    ]


def test_one_runs_with_arguments_of_its_own(root: Path):
    assert bench("sums", "--n", "7").stdout == "count\tper_s\n7\t1.23457e+06\n"
    assert bench("sums", "--quiet").stdout == ""


def test_help_is_the_commands_or_the_benchmarks_own(root: Path):
    (root / "tests" / "bench" / "sums.py").write_text(
        "import argparse\ndef main(argv):\n    argparse.ArgumentParser(prog='sums').parse_args(argv)\n"
    )
    assert "one benchmark of tests/bench" in bench("--help").stdout
    assert bench("sums", "--help").stdout.startswith("usage: sums")


def test_a_file_without_main(root: Path):
    with pytest.raises(PulsewireError, match=r"hollow.py has no main\(argv\)"):
        raise bench("hollow").exception


def test_no_such_benchmark():
    wrong_usage("bench", "no_such", says="there is no benchmark 'no_such'; there are:")


def test_without_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(command, "__file__", str(tmp_path / "streams" / "cli" / "bench.py"))
    with pytest.raises(PulsewireError, match="part of the project's checkout"):
        command.checkout()
