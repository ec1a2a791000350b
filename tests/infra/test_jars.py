"""Jars come whole and as locked, or not at all."""

from __future__ import annotations

import gc
import hashlib
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from infra.embedded import maven
from infra.embedded.errors import StackError
from infra.embedded.jars import default_cache, ensure_jars
from infra.embedded.lockfile import KAFKA_VERSION, Jar, read_lock, render_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Repository(ThreadingHTTPServer):
    """A Maven repository on this machine, which can be made to fail."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {}
        self.cut: dict[str, int] = {}  # how often a file's answer breaks off in the middle
        self.served: list[str] = []

    @property
    def address(self) -> dict[str, str]:
        return {"local": f"http://127.0.0.1:{self.server_port}"}

    def jar(self, name: str, content: bytes) -> Jar:
        self.files[f"/org/test/{name}/1.0/{name}-1.0.jar"] = content
        digest = hashlib.sha256(content).hexdigest()
        return Jar(group="org.test", artifact=name, version="1.0", sha256=digest, size_bytes=len(content))


class Answer(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.server.served.append(self.path)
        cuts = self.server.cut.get(self.path, 0)
        self.server.cut[self.path] = cuts - 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cuts > 0 else content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def repository() -> Iterator[Repository]:
    server = Repository()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    with warnings.catch_warnings():  # a connection that was cut off is never closed by jgo
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maven, "BACK_OFF_S", 0.0)


def quiet(_: str) -> None:
    """Say nothing."""


def test_they_are_fetched_once(repository: Repository, tmp_path: Path):
    jars = [repository.jar(name, name.encode() * 1_000) for name in ("a", "b", "c")]
    said: list[str] = []
    for _ in range(2):
        paths = ensure_jars(tmp_path, say=said.append, jars=jars, repositories=repository.address)
    assert [path.read_bytes() for path in paths] == [b"a" * 1_000, b"b" * 1_000, b"c" * 1_000]
    assert len(repository.served) == 3
    assert said[0].startswith(f"Kafka {KAFKA_VERSION}, 3 jars")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1.0.jar", "b-1.0.jar", "c-1.0.jar"]


def test_a_wrong_hash_is_refused(repository: Repository, tmp_path: Path):
    good, bad = repository.jar("good", b"good"), repository.jar("bad", b"what was locked")
    repository.jar("bad", b"what somebody p")
    with pytest.raises(StackError, match=r"bad-1\.0\.jar is not the file that was locked: sha256"):
        ensure_jars(tmp_path, say=quiet, jars=[good, bad], repositories=repository.address)
    assert not (tmp_path / "bad-1.0.jar").exists()


def test_one_that_changed_in_the_cache_is_fetched_again(repository: Repository, tmp_path: Path):
    jar = repository.jar("a", b"right")
    (tmp_path / jar.file_name).write_bytes(b"wrong")
    assert ensure_jars(tmp_path, say=quiet, jars=[jar], repositories=repository.address)[0].read_bytes() == b"right"


def test_a_cut_off_is_tried_again(repository: Repository, tmp_path: Path):
    jar = repository.jar("a", b"x" * 100_000)
    repository.cut["/org/test/a/1.0/a-1.0.jar"] = 1
    (path,) = ensure_jars(tmp_path, say=quiet, jars=[jar], repositories=repository.address)
    assert path.stat().st_size == 100_000


def test_given_up_ends_it_amid_a_file(repository: Repository, tmp_path: Path):
    jars = [repository.jar(name, name.encode() * 1_000_000) for name in ("a", "b")]
    given_up = threading.Event()
    given_up.set()
    with pytest.raises(StackError, match="given up"):
        ensure_jars(tmp_path, say=quiet, jars=jars, repositories=repository.address, given_up=given_up)
    assert list(tmp_path.iterdir()) == []


def test_after_a_cut_off_the_next_run_goes_on(repository: Repository, tmp_path: Path):
    jars = [repository.jar(name, name.encode() * 10_000) for name in ("a", "b", "c", "d")]
    repository.cut["/org/test/d/1.0/d-1.0.jar"] = 3
    with pytest.raises(StackError, match=r"cannot fetch d-1\.0\.jar .*what has come is kept"):
        ensure_jars(tmp_path, say=quiet, jars=jars, repositories=repository.address)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1.0.jar", "b-1.0.jar", "c-1.0.jar"]
    repository.served.clear()
    ensure_jars(tmp_path, say=quiet, jars=jars, repositories=repository.address)
    assert repository.served == ["/org/test/d/1.0/d-1.0.jar"]


@pytest.mark.parametrize(
    ("repositories", "words"),
    [({"gone": "http://127.0.0.1:9"}, "connection refused or cut off"), (None, "no repository has it")],
)
def test_no_network_is_one_line(
    repository: Repository, tmp_path: Path, repositories: dict[str, str] | None, words: str
):
    jar = Jar(group="org.test", artifact="absent", version="1.0", sha256="0" * 64, size_bytes=1)
    with pytest.raises(StackError, match=words) as raised:
        ensure_jars(tmp_path, say=quiet, jars=[jar], repositories=repositories or repository.address)
    assert "\n" not in str(raised.value)


def test_the_lock_file_holds_the_broker_and_a_way_to_log():
    jars = {jar.artifact: jar for jar in read_lock()}
    assert jars["kafka_2.13"].version == KAFKA_VERSION
    assert "log4j-slf4j-impl" in jars
    assert len(jars) == len(read_lock())


def test_the_lock_file_is_as_it_would_be_written(tmp_path: Path):
    copy = tmp_path / "copy.lock"
    copy.write_text(render_lock(read_lock()))
    assert read_lock(copy) == read_lock()
    copy.write_text("not a jar\n")
    with pytest.raises(StackError, match="names no jar"):
        read_lock(copy)


def test_the_cache_is_where_caches_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "pulsewire" / "kafka" / KAFKA_VERSION
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "pulsewire" / "kafka" / KAFKA_VERSION
