import os
import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.adapters import lines
from streams.adapters.lines import readable_lines


def through_a_pipe(*pieces: bytes):
    read, write = os.pipe()

    def feed():
        for piece in pieces:
            os.write(write, piece)
        os.close(write)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        return [line for some in readable_lines(read) for line in some]
    finally:
        thread.join()
        os.close(read)


@given(st.lists(st.binary(max_size=20) | st.just(b"\n"), max_size=20))
@example([b"\r", b"\r", b"\n"])
def test_however_it_is_cut_the_lines_are_the_same(pieces):
    *ended, last = b"".join(pieces).split(b"\n")
    expected = [line.removesuffix(b"\r") for line in ended] + ([last] if last else [])
    assert through_a_pipe(*[piece for piece in pieces if piece]) == expected


def test_what_is_there_is_handed_over_at_once():
    read, write = os.pipe()
    os.write(write, b"one\ntwo\nthr")
    coming = readable_lines(read)
    assert next(coming) == [b"one", b"two"]
    os.write(write, b"ee\n")
    assert next(coming) == [b"three"]
    os.close(write)
    assert list(coming) == []
    os.close(read)


def test_a_line_without_end_takes_no_memory_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100_000)
    assert through_a_pipe(b"a\n", *[b"x" * 50_000] * 5, b"\nb\n", b"y" * 99_999, b"y") == [
        b"a", None, b"b", b"y" * 100_000,
    ]  # fmt: skip
    assert through_a_pipe(*[b"x" * 50_000] * 5) == [None]
