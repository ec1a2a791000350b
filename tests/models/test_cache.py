from models.cache import AnswerCache, key_of
from models.text import MAX_CHARACTERS


def test_the_least_recently_used_answer_goes_first() -> None:
    told = []
    cache = AnswerCache(2)
    cache.told = lambda hits, misses: told.append((hits, misses))
    cache.put({b"a": b"1", b"b": b"2"})
    cache.get([b"a"])
    cache.put({b"c": b"3"})
    assert cache.get([b"a", b"b", b"c"]) == {b"a": b"1", b"c": b"3"}
    assert (cache.hits, cache.misses, len(cache)) == (3, 1, 2)
    assert told == [(1, 0), (2, 1)]


def test_a_cache_of_size_zero_remembers_nothing() -> None:
    cache = AnswerCache(0)
    cache.put({b"a": b"1"})
    assert cache.get([b"a"]) == {}


def test_a_key_stands_for_what_is_read() -> None:
    assert key_of("a") != key_of("b")
    assert key_of("\ud800") != key_of("\ud801")
    assert key_of("x" * MAX_CHARACTERS) == key_of("x" * MAX_CHARACTERS + "y")
