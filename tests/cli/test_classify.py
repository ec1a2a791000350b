from __future__ import annotations

import io
import json
import os
import select
import time
from typing import TYPE_CHECKING

import pytest

from models import registry
from models.fake import FakeClassifier
from models.manifest import MODEL
from streams.cli.classify import run
from streams.errors import PulsewireError
from tests.cli.ends import failed_with, wrong_usage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Program

has_bundle = pytest.mark.skipif(not (registry.shipped() / MODEL).is_file(), reason="no bundle has been exported yet")
BAD = b'first\n{"text": \n\n{"text": "last", "id": 4}'


def classified(tmp_path: Path, content: bytes, kind="news") -> list[dict]:
    file, out = tmp_path / "in", io.BytesIO()
    file.write_bytes(content)
    fd = os.open(file, os.O_RDONLY)
    try:
        run(fd, FakeClassifier(), kind=kind, out=out)
    finally:
        os.close(fd)
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        (tmp_path / "out").write_text(json.dumps(lines))
    return lines


def test_many_lines_come_back_in_order(tmp_path: Path):
    texts = [f"headline {number} of a long day at the exchange" for number in range(5_000)]
    assert [one["text"] for one in classified(tmp_path, "\n".join(texts).encode())] == texts


def test_equal_templates_are_read_alike(tmp_path: Path):
    one, two = classified(tmp_path, b"took 17 ms\ntook 18 ms\n", kind="logs")
    assert one.pop("text") != two.pop("text")
    assert one == two


def test_a_byte_order_mark_is_no_text(tmp_path: Path):
    assert classified(tmp_path, b'\xef\xbb\xbf{"text": "a"}\r\nb\r\n')[0]["text"] == "a"


def test_lines_that_cannot_be_read_keep_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(PulsewireError, match=r"2 of 4 lines could not be read; the first: line 2: .*JSON"):
        classified(tmp_path, BAD)
    first, second, third, fourth = json.loads((tmp_path / "out").read_text())
    assert (first["text"], fourth["text"], fourth["id"]) == ("first", "last", 4)
    assert (second["line"], second["code"]) == (2, "not_json")
    assert (third["line"], third["code"]) == (3, "empty_text")
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["line 2", "line 3"]


def test_a_million_complaints_are_counted_not_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(PulsewireError, match="3,000 of 3,000"):
        classified(tmp_path, b"\n" * 3_000)
    assert len(capsys.readouterr().err.splitlines()) == 21


def test_nothing_in_nothing_out(tmp_path: Path):
    assert classified(tmp_path, b"") == []


@has_bundle
def test_english_and_chinese_through_the_program(pulsewire: Program):
    headlines = "Shares surge after record profit\n公司业绩大幅下滑,股价暴跌\n" + '{"title": "Fed cuts rates"}\n'
    done = pulsewire("classify", stdin=headlines.encode())
    up, down, fed = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (0, b"")
    assert (up["sentiment"], down["sentiment"], fed["text"]) == ("positive", "negative", "Fed cuts rates")
    assert up["sentiment_score"] > 0 > down["sentiment_score"]
    assert up["model"] == down["model"] != ""
    assert sum(up["probabilities"]["sentiment"].values()) == pytest.approx(1, abs=1e-4)


@has_bundle
def test_a_live_pipe_is_answered_line_by_line(pulsewire: Program):
    process = pulsewire.start("classify", "-", "--kind", "logs")
    for message in (b"starting\n", b"disk failure\n"):
        process.stdin.write(message)
        process.stdin.flush()
        assert select.select([process.stdout], [], [], 30)[0], "no answer while the pipe is open"
        assert json.loads(process.stdout.readline())["text"].encode() + b"\n" == message
        time.sleep(0.1)
    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 0


@has_bundle
def test_bad_lines_end_it_with_one(pulsewire: Program):
    done = pulsewire("classify", "-", stdin=BAD)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 4
    assert done.stderr.splitlines()[-1].startswith(b"pulsewire: 2 of 4 lines could not be read")


def test_no_such_file(pulsewire: Program):
    failed_with(pulsewire("classify", "/no/such/file"), "/no/such/file cannot be read: No such file")


def test_no_such_bundle(pulsewire: Program, tmp_path: Path):
    failed_with(pulsewire("classify", "--bundle", str(tmp_path)), "no bundle in", str(tmp_path))


def test_no_such_kind():
    wrong_usage("classify", "--kind", "poems", says="poems")
