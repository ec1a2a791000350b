"""A folder in use, a port that is taken, a disk that is full: one clear line each."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from typing import TYPE_CHECKING

import pytest

from infra.embedded import folder as folder_module
from infra.embedded.errors import StackError
from infra.embedded.folder import Folder
from infra.embedded.ports import LOOPBACK, free_port, require_free
from infra.embedded.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path


def quiet(_: str) -> None:
    """Say nothing."""


async def test_a_folder_has_one_owner(tmp_path: Path):
    owned = await Folder.own(tmp_path, say=quiet)
    with pytest.raises(StackError, match=re.escape(f"in use by another Pulsewire (process {os.getpid()})")):
        await Folder.own(tmp_path, say=quiet)
    with pytest.raises(StackError, match="in use"):
        async with Stack(tmp_path, say=quiet):
            pytest.fail("it started")
    owned.close()
    (await Folder.own(tmp_path, say=quiet)).close()


async def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"cannot use .* as the data folder: Not a directory"):
        await Folder.own(tmp_path / "file" / "below", say=quiet)


@pytest.mark.parametrize("port", ["kafka_port", "clickhouse_port", "controller_port"])
async def test_a_port_that_is_taken(tmp_path: Path, port: str):
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        taken = listener.getsockname()[1]
        with pytest.raises(StackError, match=f"port {taken} for .* is taken"):
            async with Stack(tmp_path, say=quiet, **{port: taken}):
                pytest.fail("it started")
    (await Folder.own(tmp_path, say=quiet)).close()  # the failed start let go of it


def test_ports_are_given_once_and_none_that_an_outgoing_connection_could_take():
    ports = [free_port() for _ in range(100)]
    assert len(set(ports)) == 100
    with socket.create_server((LOOPBACK, 0)) as server:
        given = server.getsockname()[1]
    assert max(ports) < given


def test_a_port_that_was_just_left_is_free():
    port = free_port()
    with socket.create_server((LOOPBACK, port)) as server, socket.create_connection((LOOPBACK, port)) as client:
        accepted, _ = server.accept()
        accepted.close()  # this side now waits in TIME_WAIT
        client.recv(1)
    assert require_free(port, "a test") == port


async def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder_module, "_NEEDED_BYTES", 1 << 62)
    with pytest.raises(StackError, match="the disk is full"):
        await Folder.own(tmp_path, say=quiet)


async def test_a_folder_is_waited_for_while_its_last_run_ends(tmp_path: Path):
    owned = await Folder.own(tmp_path, say=quiet)
    os.pwrite(owned.lock_fd, b"999999999", 0)  # its owner is gone, but something of it still holds the lock
    said: list[str] = []
    waiting = asyncio.create_task(Folder.own(tmp_path, say=said.append))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    owned.close()
    (await waiting).close()
    assert len(said) == 1
