"""Heads by declaration: a file more is a head more, from training to the command."""

from pathlib import Path

import pytest

from models import heads
from models.datasets.catalogue import CATALOGUE, require_sets
from models.errors import HeadError
from models.heads import declared, labels, read
from models.labels import KINDS, SENTIMENT, SEVERITY
from streams import topology


def test_the_promised_labels_are_declared() -> None:
    assert list(labels()) == ["sentiment", "category", "severity", "intent"]
    assert labels()["sentiment"] == SENTIMENT
    assert labels()["severity"] == SEVERITY
    assert (len(labels()["category"]), len(labels()["intent"])) == (20, 77)


def test_every_declared_set_is_in_the_catalogue_and_the_other_way_round() -> None:
    named = {(one, head) for head, spec in declared().items() for one in spec.sets}
    assert named == {(one.name, one.head) for one in CATALOGUE}


def test_every_label_is_described() -> None:
    assert all(text for head in declared().values() for text in head.labels.values())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "declares no head"),
        ("[labels", "declares no head"),
        ('[labels]\none = "1"', "two labels or more"),
        ('colour = 1\n[labels]\na = ""\nb = ""', "declares no head .*colour"),
        ('[choice]\nmetric = "luck"\n[labels]\na = ""\nb = ""', "metric 'luck' is none of macro_f1, accuracy"),
        ('[loss]\nsmoothing = 1\n[labels]\na = ""\nb = ""', "smoothing lies in"),
        ('kinds = ["news", "mail"]\n[labels]\na = ""\nb = ""', "kinds names mail: an event is one of news, logs, user"),
        ('kinds = []\n[labels]\na = ""\nb = ""', "kinds names none"),
        ('[labels]\n"" = ""\nb = ""', "the label '' is empty"),
        ('[labels]\n" a" = ""\nb = ""', "the label ' a' is empty, or has spaces"),
        ('[choice]\nhigh = ["c"]\n[labels]\na = ""\nb = ""', "c is none of its labels"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_name(content: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(HeadError, match=f"mine.toml.*{why}"):
        read(path)


@pytest.mark.parametrize("name", ["a.b", "input_ids", "Mine", "", "first", "words_q", "width_384", "depth_0_total"])
def test_a_file_of_a_name_that_no_head_may_have_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.toml").write_text('[labels]\na = ""\nb = ""')
    with pytest.raises(HeadError, match=rf"cannot be called '{name or '.toml'}'"):
        declared(tmp_path)


def test_a_set_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_sets()
    mine = heads.Head({"a": "", "b": ""}, sets=("tfns",))  # another head's
    monkeypatch.setattr(heads, "declared", lambda: {"mine": mine})
    with pytest.raises(HeadError, match=r"mine\.toml: sets names tfns"):
        require_sets()


def test_a_file_more_is_a_head_more(tmp_path: Path) -> None:
    (tmp_path / "after.toml").write_text('order = 2\n[labels]\na = "A"\nb = "B"\n')
    (tmp_path / "before.toml").write_text('order = 1\n[labels]\nc = "C"\nd = "D"\n')
    assert labels(declared(tmp_path)) == {"before": ("c", "d"), "after": ("a", "b")}


def test_kinds_of_events_are_those_of_the_stream() -> None:
    assert KINDS == topology.KINDS
    assert all(head.kinds for head in declared().values())
