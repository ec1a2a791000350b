"""The readers, on rows made up in the shape of the sets."""

import gzip
import random
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from models.datasets import catalogue, cfbenchmark, log_severity, loghub, reviews, sentfin
from models.datasets.dataset import Dataset, Example, data_folder, sample
from models.datasets.twitter import TFNS
from models.errors import DatasetError
from models.heads import declared
from models.labels import SENTIMENT


@pytest.mark.parametrize(
    ("decisions", "sentiment"),
    [
        ("{'Gold': 'positive'}", "positive"),
        ("{'Gold': 'positive', 'Silver': 'positive'}", "positive"),
        ("{'Gold': 'positive', 'Silver': 'neutral'}", None),
        ("{'Moody's': 'negative'}", "negative"),
        ("{\"Dr. Reddy's\": 'neutral'}", "neutral"),
        ("{'positive: vibes': 'negative'}", "negative"),
        ("{}", None),
    ],
)
def test_the_sentiment_that_all_entities_share(decisions: str, sentiment: str | None) -> None:
    assert sentfin.sentiment_of(decisions) == sentiment


@pytest.mark.parametrize(
    ("decisions", "entity"),
    [
        ("{'Gold': 'positive'}", "Gold"),
        ("{'Gold': 'positive', 'Silver': 'positive'}", "several"),
        ("{'Moody's': 'negative'}", "Moody's"),
        ("{\"Dr. Reddy's\": 'neutral'}", "Dr. Reddy's"),
        ("{'A, B': 'neutral', 'C: D': 'neutral'}", "several"),
    ],
)
def test_whom_a_headline_speaks_of(decisions: str, entity: str) -> None:
    assert sentfin.entity_of(decisions) == entity


def test_a_headline_that_stands_twice_is_on_one_side(tmp_path: Path) -> None:
    folder = tmp_path / "sentiment_sentfin"
    folder.mkdir()
    lines = [f"{number},Headline {number % 30},{{'Gold': 'positive'}},2" for number in range(60)]
    (folder / "headlines.csv").write_text("\n".join(["S No.,Title,Decisions,Words", *lines]))
    split = sentfin.read(tmp_path)
    assert len(split.train) == 24
    assert len(split.test) == 6
    assert not {row.text for row in split.train} & {row.text for row in split.test}


def statements(folder: Path, rows: list[dict[str, object]]) -> None:
    path = folder / log_severity.FILES[0]
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"\n".join(msgspec.json.encode(row) for row in rows)))


def test_a_template_of_a_held_out_project_is_not_trained_on(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"text": "ours", "level": "debug", "project": "a/b"},
        {"text": "theirs", "level": "error", "project": "nginx/nginx"},
        {"text": "shared", "level": "error", "project": "a/b", "projects": ["a/b", "nginx/nginx"]},
    ]
    statements(tmp_path, rows)
    split = log_severity.read(tmp_path)
    assert split.train == (Example("ours", "info"),)
    assert split.test == (Example("theirs", "error", "nginx/nginx", "nginx, nova, kafka"),)


def test_half_of_the_placeholders_are_filled(tmp_path: Path) -> None:
    statements(tmp_path, [{"text": f"{n} took <*>", "level": "info", "project": "a/b"} for n in range(200)])
    texts = [row.text for row in log_severity.read(tmp_path).train]
    assert 70 < sum("<*>" in text for text in texts) < 130


def test_a_file_cut_off_is_refused(tmp_path: Path) -> None:
    statements(tmp_path, [{"text": "x" * 1000, "level": "info", "project": "a/b"}])
    path = tmp_path / log_severity.FILES[0]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DatasetError, match="cannot be read"):
        log_severity.read(tmp_path)


def test_a_template_of_loghub_counts_once_for_each_level(tmp_path: Path) -> None:
    (tmp_path / "logs_loghub").mkdir()
    for name in loghub.FILES:
        (tmp_path / name).write_text(
            "Level,Content,EventTemplate\n"
            "INFO,took 3 ms,took <*> ms\nINFO,took 4 ms,took <*> ms\nWARN,took 90 ms,took <*> ms\nFATAL,gone,gone\n"
        )
    split = loghub.read(tmp_path)
    assert split.train == ()
    assert [(row.text, row.label) for row in split.test if row.source == "Hadoop"] == [
        ("took 3 ms", "info"),
        ("took 90 ms", "warning"),
        ("gone", "critical"),
    ]


@pytest.mark.parametrize("one", catalogue.CATALOGUE, ids=lambda one: one.name)
def test_a_set_names_its_head_licence_and_source(one: Dataset, tmp_path: Path) -> None:
    assert one.name in declared()[one.head].sets
    assert one.licence
    assert one.source
    assert bool(one.files) != bool(one.pinned)
    if one.files:
        with pytest.raises(DatasetError, match="PULSEWIRE_SEED_DATA"):
            one.load(tmp_path)


def test_a_csv_without_its_columns(tmp_path: Path) -> None:
    (tmp_path / "topic_tfnt").mkdir()
    for name in ("train", "validation"):
        (tmp_path / "topic_tfnt" / f"{name}.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="not 'text' and 'label_name'"):
        catalogue.TFNT.load(tmp_path)


@pytest.mark.parametrize("one", [one for one in catalogue.CATALOGUE if one.files], ids=lambda one: one.name)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        b"{columns}\n\xff,\xff,\xff\n",
        b"{columns}\nshort\n",
        b'{columns}\n"open,1,2\n',
        b"{columns}\n1,2,3,4,5\n",
    ],
)
def test_a_file_that_is_not_the_sets_is_one_line(one: Dataset, content: bytes, tmp_path: Path) -> None:
    columns = {"banking77": b"text,category", "sentfin": b"Title,Decisions", "loghub": b"Level,Content,EventTemplate"}
    for name in one.files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        written = content.replace(b"{columns}", columns.get(one.name, b"text,label_name"))
        (tmp_path / name).write_bytes(
            written if name.endswith(".csv") else gzip.compress(written or b"{}")[:-9] + b"x" * 9
        )
    with pytest.raises(DatasetError) as caught:
        one.load(tmp_path)
    assert one.files[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_level_that_nobody_knows_is_one_line(tmp_path: Path) -> None:
    for name in loghub.FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Level,Content,EventTemplate\nTRACE,a,a\n")
    with pytest.raises(DatasetError, match="has the level 'TRACE', which is none of notice, INFO"):
        loghub.LOGHUB.load(tmp_path)


def test_sets_are_chosen_by_name() -> None:
    assert [one.name for one in catalogue.chosen(["tfnt"])] == ["tfnt"]
    assert catalogue.chosen([]) == catalogue.CATALOGUE
    with pytest.raises(DatasetError, match="there is no set imdb"):
        catalogue.chosen(["imdb"])


def test_no_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULSEWIRE_SEED_DATA", str(tmp_path / "none"))
    with pytest.raises(DatasetError, match="set PULSEWIRE_SEED_DATA"):
        data_folder()


def test_a_sample_is_spread_evenly() -> None:
    rows = [Example(str(number), "x") for number in range(10)]
    assert [row.text for row in sample(rows, 5)] == ["0", "2", "4", "6", "8"]
    assert sample(rows, None) is rows
    assert sample(rows, 99) is rows


def test_an_article_is_also_seen_as_its_beginning_and_as_its_first_sentences() -> None:
    text = "公司今日公告。净利润同比增长三成，超出市场预期。" + "董事会决定分红。" * 40
    whole, beginning, first = cfbenchmark.views(Example(text, "positive"), random.Random(0))
    assert whole.text == text
    assert text.startswith(beginning.text)
    assert 60 <= len(beginning.text) <= 160
    assert first.text == "公司今日公告。净利润同比增长三成，超出市场预期"
    assert {one.label for one in (whole, beginning, first)} == {"positive"}


def test_one_line_in_ten_has_its_level_in_front() -> None:
    chance = random.Random(0)
    seen = [view.text for _ in range(500) for view in log_severity.views(Example("disk full", "error"), chance)]
    named = [text for text in seen if text != "disk full"]
    assert 25 < len(named) < 80
    assert all(text.endswith("disk full") and "err" in text.lower() for text in named)


def test_our_headlines_stand_in_threes_and_whole_threes_are_held_out(tmp_path: Path) -> None:
    split = catalogue.OURS.load(tmp_path)
    assert len(split.test) == 33
    for rows in (split.train, split.test):
        assert Counter(row.label for row in rows) == dict.fromkeys(SENTIMENT, len(rows) // 3)


def test_some_short_reviews_are_taken_the_same_ones_every_time() -> None:
    lines = [f"第{number}条评论很好看" for number in range(4_000)] + ["短", "长" * 61]
    taken = reviews.chosen(lines)
    assert len(taken) == reviews.ROWS_PER_LABEL
    assert taken == reviews.chosen(lines)
    assert not {"短", "长" * 61} & set(taken)


def test_held_out_tweets_that_their_training_split_has_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "sentiment_tfns"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label_name\n$AA up 3% https://t.co/a,positive\n")
    (folder / "validation.csv").write_text("text,label_name\n$AA up 4% https://t.co/b,positive\n$AA down,negative\n")
    assert [row.part for row in TFNS.load(tmp_path).test] == ["in its training split, too", "new"]
