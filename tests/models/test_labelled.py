"""Files of labelled texts: what each kind of them gives, and what is wrong with them in one line."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models import heads, measuring
from models.comparison import compare
from models.datasets import labelled, own
from models.datasets.dataset import Example
from models.datasets.labelled import Fields
from models.errors import DatasetError
from models.evaluation import ask
from models.fake import FakeClassifier
from streams.core.labelling import Picked, interface_of, task_of
from tests.models.test_cli import one_line, pulsewire

ROWS = (Example("股价大跌", "negative"), Example("shares jump, again", "positive"))


def chosen(*labels: str, name: str = "label", **more: Any) -> dict[str, Any]:
    result = {"type": "choices", "from_name": name, "to_name": "text", "value": {"choices": list(labels)}}
    return {"id": 1, "result": [result], "completed_by": 3, "lead_time": 1.5} | more


def task(text: str, *annotations: dict[str, Any], **data: Any) -> dict[str, Any]:
    given = {"annotations": list(annotations), "total_annotations": len(annotations)}
    return {"id": 7, "data": {"text": text} | data, "predictions": [chosen("neutral")], "meta": {}} | given


def read(tmp_path: Path, content: str | bytes, name: str = "mine.json", **fields: str) -> labelled.Labelled:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return labelled.read(path, Fields(**fields))


@pytest.mark.parametrize(
    "content",
    [
        'label,text\nnegative,股价大跌\npositive,"shares jump, again"\n',
        '\ufefftext,label,more\r\n股价大跌,negative,1\r\n"shares jump, again",positive,\r\n',
        '{"text": "股价大跌", "label": "negative"}\n\n{"label": "positive", "text": "shares jump, again", "n": 1}\n',
        '[{"text": "股价大跌", "label": "negative"}, {"label": "positive", "text": "shares jump, again"}]',
        json.dumps([task("股价大跌", chosen("negative")), task("shares jump, again", chosen("positive"))]),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(content: str, tmp_path: Path) -> None:
    assert read(tmp_path, content) == labelled.Labelled(ROWS)


def test_lines_of_the_topic_samples_are_rows(tmp_path: Path) -> None:
    line = {"event_id": "1", "text": "Acme falls", "sentiment": "negative", "reason": "uncertain", "heads": {}}
    assert read(tmp_path, json.dumps(line), label="sentiment").rows == (Example("Acme falls", "negative"),)


def test_what_nobody_labelled_or_people_label_differently_is_left_out_and_told(tmp_path: Path) -> None:
    tasks = [
        task("agreed", chosen("a"), chosen("a")),
        task("open"),
        task("blank", chosen(" ")),
        task("skipped", chosen("a", was_cancelled=True)),
        task("disputed", chosen("a"), chosen("b")),
        task("settled", chosen("a"), chosen("b", ground_truth=True)),
        task("agreed", chosen("a")),
    ]
    found = read(tmp_path, json.dumps(tasks))
    assert found.rows == (Example("agreed", "a"), Example("settled", "b"))
    assert found.remarks == (
        "3 tasks have no label yet and are left out",
        "1 tasks are labelled differently by different people and are left out",
        "1 rows repeat others and are left out",
    )


def test_texts_that_the_model_cannot_tell_apart_and_have_two_labels_are_told(tmp_path: Path) -> None:
    found = read(tmp_path, "text,label\nsee https://a.b,a\nsee  https://c.d,b\nsee https://e.f,a\nfine,b\n")
    assert len(found.rows) == 4
    (said,) = found.remarks
    assert said.startswith("1 rows are the same to the model as others with another label, such as ")
    assert said.endswith("'see  https://c.d' (b) and 'see https://a.b' (a)")


def test_choices_of_several_questions_are_told_apart(tmp_path: Path) -> None:
    both = chosen("bad", name="mood")
    both["result"] += chosen("refund", name="desk")["result"]
    assert read(tmp_path, json.dumps([task("x", both)]), label="desk").rows == (Example("x", "refund"),)
    with pytest.raises(DatasetError, match="has the choices desk, mood: name yours with --label-column"):
        read(tmp_path, json.dumps([task("x", both)]))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"text": "a", "label": "x"', "line 1 is no JSON"),
        (b'{"text": "a", "label": "x"}\n[1]', "line 2 is no JSON"),
        (b'[{"text": "a", "label": "x"},', "is no JSON of a list of objects"),
        (b"[" * 3_000, "is no JSON"),
        (b"[1, 2]", "is no JSON of a list of objects"),
        (b'{"text": "a", "topic": "x"}', "lacks 'label'; it has text, topic: name yours with --text-column"),
        (b'{"text": "a", "label": ""}', "line 1: 'label' is empty"),
        (b'{"text": null, "label": "x"}', "line 1: 'text' is empty"),
        (b'{"text": "a", "label": ["x", "y"]}', "'label' holds no text: give each row one label"),
        (b'{"text": "a", "label": true}', "'label' holds no text"),
        (b'{"text": "a", "label": "x"}\n{"text": "a", "label": "y"}', "'a' is labelled 'x' and 'y'"),
        (b'{"text": "fine", "label": "x"}\n{"text": "caf\xe9", "label": "x"}', "line 2: byte 0xe9 is no UTF-8"),
        (b'\xff\xfe{\x00"\x00', "line 1: byte 0xff is no UTF-8"),
        (json.dumps([task("x", chosen("a", "b"))]).encode(), "task 7 has the labels a, b: a head gives a text one"),
        (json.dumps([task("", chosen("a"), title="t")]).encode(), "no text 'text', but text, title: name yours"),
        (b'[{"data": {"text": "a"}, "annotations": 3}]', "is no export of Label Studio's"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(content: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        read(tmp_path, content)
    assert why in str(caught.value)
    assert "mine.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("a,x\nOil falls, badly,y\n", "line 3 has 3 cells for 2 columns: put text with commas in quotes"),
        ('a,x\n"broken,x\nb,y\n"c",x\n', "line 5: ',' expected after"),  # read on, it is one row of three
        ('a,x\n"broken,x\nb,y\n', "unexpected end of data"),
        ("a,x\nb\n", "line 3: 'label' is empty"),
    ],
)
def test_a_csv_that_would_swallow_rows_or_words_is_one_line(rows: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("text,label\n" + rows)
    with pytest.raises(DatasetError, match=f"mine.csv, .*{why}") as caught:
        labelled.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("text;label\na, or b;x\n", "is parted by semicolons, not by commas: save it as CSV with commas"),
        ('"text";"label"\n"a";"x"\n', "is parted by semicolons"),
        ("text\tlabel\na\tx\n", "is parted by tabs"),
        ("text|label\na|x\n", "is parted by bars"),
        ("text,label,text\na,x,b\n", "has two columns 'text': rename one of them, or leave it out"),
    ],
)
def test_a_csv_with_other_signs_or_a_name_twice_is_one_line(content: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=f"mine.csv {why}"):
        read(tmp_path, content, "mine.csv")


def test_columns_without_a_name_are_nobodys(tmp_path: Path) -> None:
    assert read(tmp_path, "text,label,,\na,x,,\n", "mine.csv").rows == (Example("a", "x"),)


def test_empty_cells_and_lines_at_the_end_are_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("text,label\na,x,,\n\n,\n")
    assert labelled.read(path).rows == (Example("a", "x"),)


def given(tmp_path: Path, content: str) -> str:
    (tmp_path / "my rows.jsonl").write_text(content)
    return f"{tmp_path / 'my rows.jsonl'}:sentiment"


def test_rows_are_added_to_a_head_as_a_set(tmp_path: Path) -> None:
    one, found = own.to_learn(given(tmp_path, '{"text": "up", "label": "positive"}'), Fields(), heads.labels())
    assert (one.name, one.head, one.source, one.measured) == ("own-my-rows", "sentiment", "my rows.jsonl", False)
    assert one.load(tmp_path).train == found.rows == (Example("up", "positive"),)
    assert len(one.sha256(tmp_path)) == 64


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("{}", '{"text": "up", "label": "good"}', "has the label 'good', which sentiment lacks (negative, neutral"),
        ("{}", "[]", "holds no labelled text"),
        ("{}x", '{"text": "up", "label": "positive"}', "there is no head 'sentimentx' to add to, but sent"),
        ("sentiment", "", "'sentiment' is no FILE:HEAD"),
        ("{}/", "", "is no FILE:HEAD"),
        ("none.csv:sentiment", "", "none.csv cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_added_is_one_line(name: str, content: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        own.to_learn(name.format(given(tmp_path, content)), Fields(), heads.labels())
    assert why in str(caught.value)


@pytest.mark.train
def test_bad_rows_end_the_commands_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEWIRE_SEED_DATA", str(tmp_path))
    bad = given(tmp_path, '{"text": "up", "label": "good"}')
    assert "which sentiment lacks" in one_line(pulsewire("train", "--add", bad, "--out", str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()
    assert "is no FILE:HEAD" in one_line(pulsewire("evaluate", "--data", "mine.csv"))


def test_a_users_file_is_measured_or_refused_and_never_passed_over(tmp_path: Path) -> None:
    fake = FakeClassifier()
    one, _ = own.to_measure(given(tmp_path, '{"text": "up", "label": "positive"}'), Fields())
    (asked,) = ask(fake, [one], tmp_path, report=lambda _done, _note="": None)
    assert [answer.row.text for answer in asked.answers] == ["up"]
    other, _ = own.to_measure(given(tmp_path, '{"text": "up", "label": "great"}'), Fields())
    desk = msgspec.structs.replace(one, head="desk")
    for bad, why in ((other, "label 'great', which sentiment lacks"), (desk, "has no head 'desk' for my rows.jsonl")):
        with pytest.raises(DatasetError, match=why):
            ask(fake, [bad], tmp_path, report=lambda _done, _note="": None)


def test_files_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_, seen = [], []
    for folder, label in (("one", "positive"), ("two", "negative")):
        path = tmp_path / folder / "mine.csv"
        path.parent.mkdir()
        path.write_text("text,label\n" + "".join(f"{folder} {number},{label}\n" for number in range(9)))
        given_ += ["--data", f"{path}:sentiment"]
    monkeypatch.setattr(measuring, "measure", lambda _bundle, _against, sets, *_rest, **_more: seen.extend(sets))
    pulsewire("evaluate", *given_)
    assert [one.name for one in seen] == ["own-mine", "own-mine-2"]
    asked = ask(FakeClassifier(), seen, tmp_path, report=lambda _done, _note="": None)
    for one in compare(asked, asked):  # each with itself
        assert (one.low, one.high) == (0, 0)


def test_a_sample_that_was_sent_to_be_labelled_comes_back_with_its_label(tmp_path: Path) -> None:
    picked = Picked("Acme & Söhne", "neutral", "id", "news", "en", "uncertain", 0.75, 1_700_000_000_000, "base")
    sent = task_of(picked)
    assert sent["predictions"][0]["score"] == 0.25
    assert sent["predictions"][0]["result"][0]["value"] == {"choices": ["neutral"]}
    back = json.loads(msgspec.json.encode(sent)) | {"id": 1, "annotations": [chosen("positive")]}
    assert read(tmp_path, json.dumps([back])).rows == (Example("Acme & Söhne", "positive"),)
    assert read(tmp_path, json.dumps([sent])).rows == ()  # what the model said is no label
    assert '<Choice value="M&amp;A | &quot;x&quot;"/>' in interface_of(['M&A | "x"', "b"])
