"""The watch list: whole words in Latin script, anywhere in Chinese, tickers as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.entities import MAX_ENTITIES, WatchList, merged

WATCH = WatchList(
    [
        ("Apple", ("苹果", "AAPL", "$AAPL")),
        ("Meta", ("META", "Facebook")),
        ("Ford", ("F",)),
        ("AT&T", ("T",)),
        ("Berkshire", ("BRK.B", "Berkshire Hathaway")),
        ("Bank of America", ("BofA",)),
        ("Bank of China", ("中国银行",)),
        ("China", ("中国",)),
        ("NVIDIA", ("英伟达",)),
        ("İşbank", ()),
    ]
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Apple rises", ("Apple",)),
        ("APPLE and apple", ("Apple",)),
        ("Pineapple, apples and applesauce", ()),
        ("metadata is no company", ()),
        ("Meta's metaverse", ("Meta",)),
        ("Facebook, then Apple, then Meta", ("Meta", "Apple")),
        ("AAPL up, (AAPL)", ("Apple",)),
        ("$AAPL", ("Apple",)),
        ("aapl is a typo", ()),
        ("AAPLX", ()),
        ("F falls, grade f", ("Ford",)),
        ("grade f", ()),
        ("AT&T", ("AT&T",)),
        ("R&T department", ()),
        ("Apple&Meta", ("Apple", "Meta")),
        ("BRK.B gains", ("Berkshire",)),
        ("今天苹果股价上涨", ("Apple",)),
        ("买入Apple股票", ("Apple",)),
        ("中国银行发布财报", ("Bank of China",)),  # the longest wins: not China
        ("中国的中国银行", ("China", "Bank of China")),
        ("bank of america", ("Bank of America",)),
        ("nvidia and Nvidia", ("NVIDIA",)),  # a name in capitals is no ticker
        ("İİİ Apple", ("Apple",)),  # İ would grow in lower case
        ("işbank", ("İşbank",)),
        ("", ()),
    ],
)
def test_find(text, found):
    assert WATCH.find(text) == found


def test_a_hidden_long_alias_does_not_hide_a_short_one():
    watch = WatchList([("Art", ()), ("Art Institute", ()), ("Bart Inc", ())])
    assert watch.find("Art Institutes") == ("Art",)
    assert watch.find("xbart inc art") == ("Art",)


def test_of_equal_aliases_the_first_keeps_its_name():
    assert WatchList([("One", ("same",)), ("Two", ("same",))]).find("same") == ("One",)


def test_a_ticker_and_a_name_that_are_spelled_alike():
    watch = WatchList([("Gap Inc", ("GAP",)), ("The gap", ("gap",))])
    assert watch.find("GAP") == ("Gap Inc",)
    assert watch.find("gap") == ("The gap",)


def test_an_empty_list_finds_nothing():
    assert WatchList([]).find("Apple") == ()
    assert WatchList([("", ("", " "))]).find("Apple") == ()


def test_given_entities_come_first_once_and_are_bounded():
    given = map(WATCH.named, ["Tesla", " Apple ", "", "Tesla"])
    assert merged(given, ["Apple", "Meta"]) == ("Tesla", "Apple", "Meta")


def test_what_was_looked_for_is_not_crowded_out():
    names = merged(map(str, range(100)), ["Apple", "7"])
    assert len(names) == MAX_ENTITIES
    assert names == (*map(str, range(31)), "Apple")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("AAPL", "Apple"), ("苹果", "Apple"), (" bofa", "Bank of America"), ("apple", "Apple"), ("Tesla", "Tesla"),
        ("f", "f"), ("Apple Music", "Apple Music"), ("", ""),
    ],
)  # fmt: skip
def test_a_producer_may_name_one_by_any_of_its_spellings(given, name):
    """Else one event would count for two series that are one company."""
    assert WATCH.named(given) == name


@given(st.text(alphabet=st.sampled_from("Aaple苹果 MmeEtTFf$&._-'İ中国银行")))
def test_finds_each_name_at_most_once_and_the_same_ones_again(text):
    found = WATCH.find(text)
    assert len(set(found)) == len(found)
    assert WATCH.find(text) == found


@given(st.text(), st.text())
def test_a_chinese_alias_is_found_anywhere(before, after):
    assert "Apple" in WatchList([("Apple", ("苹果",))]).find(before + "苹果" + after)


@pytest.mark.parametrize("listed", ["Nestlé", "Nestle\u0301", " Nestlé "])
@pytest.mark.parametrize("written", ["Nestlé falls", "Nestle\u0301 falls", "Why NESTLE\u0301?"])
def test_accents_may_be_letters_of_their_own(listed, written):
    assert WatchList([(listed, ())]).find(written) == ("Nestlé",)
