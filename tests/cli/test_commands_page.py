"""docs/commands.md and the program say the same."""

import re
from pathlib import Path

import pytest
import typer

from streams.__main__ import program

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
HEADING = re.compile(r"^## `pulsewire ([^`]+)`$", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def commands(command, path=()) -> dict[str, set[str]]:
    """Every command with its options."""
    if hasattr(command, "commands"):
        return {
            name: options
            for sub, one in command.commands.items()
            for name, options in commands(one, (*path, sub)).items()
        }
    options = {name for param in command.params if param.param_type_name == "option" for name in param.opts}
    return {" ".join(path): options}


def documented() -> dict[tuple[str, ...], str]:
    """Every section, by the commands that it is about."""
    _, *parts = HEADING.split(PAGE.read_text(encoding="utf-8"))
    return {named(heading): text for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def named(heading: str) -> tuple[str, ...]:
    *group, last = heading.split()
    return tuple(" ".join([*group, name]) for name in last.split("|"))


KNOWN = commands(typer.main.get_command(program()))
SECTIONS = documented()


def test_every_command_has_a_section_and_every_section_a_command():
    assert sorted(KNOWN) == sorted(name for names in SECTIONS for name in names)


@pytest.mark.parametrize("names", SECTIONS, ids=" ".join)
def test_every_option_is_in_the_table_of_its_command(names: tuple[str, ...]):
    rows = [line.split(" | ")[0] for line in SECTIONS[names].splitlines() if line.startswith("| `-")]
    assert {option for row in rows for option in OPTION.findall(row)} == set().union(*(KNOWN[name] for name in names))


@pytest.mark.parametrize("names", SECTIONS, ids=" ".join)
def test_every_example_uses_what_there_is(names: tuple[str, ...]):
    examples = [line for line in SECTIONS[names].splitlines() if line.startswith("    ") and "pulsewire" in line]
    assert examples
    for line in examples:
        ours = line[line.index("pulsewire ") :].partition(" | ")[0]
        quoted_out = re.sub(r"'[^']*'|\"[^\"]*\"", "TEXT", ours)
        name = next(name for name in KNOWN if f"{quoted_out} ".startswith(f"pulsewire {name} "))
        assert name in names
        assert set(OPTION.findall(quoted_out)) <= KNOWN[name]
