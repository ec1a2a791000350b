import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.cli.output import cell, print_rows, safe


@given(st.text())
def test_no_control_character_reaches_a_terminal(text):
    assert all(char.isprintable() or char in "\t\n" or ord(char) > 0x9F for char in safe(text))
    assert not {"\t", "\n", "\x1b", "\u202e"} & set(cell(text))


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_what_can_be_printed_stays(text):
    assert safe(text) == cell(text) == text


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (1.0, "1"), (0.1234567, "0.123457"), (True, "True"), ([1], "[1]")]
)
def test_cells(value, shown):
    assert cell(value) == shown


def test_rows_elsewhere_are_tab_separated(capsys: pytest.CaptureFixture[str]):
    print_rows([{"a": 1, "b": "x\ty"}, {"a": 2, "b": None}])
    assert capsys.readouterr().out == "a\tb\n1\tx\\ty\n2\t\n"


def test_a_paragraph_of_help_is_folded_once():
    from typer.testing import CliRunner

    from streams.__main__ import program

    text = CliRunner().invoke(program(), ["demo", "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}).output
    assert "plays the bundled sample (and real news and logs" in text
