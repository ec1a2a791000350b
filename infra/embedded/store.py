"""The store's part: the process that owns the engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from infra.embedded.part import Part, Restart
from infra.embedded.ports import LOOPBACK
from infra.embedded.probes import answers_http

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def clickhouse_part(
    folder: Path, port: int, *, env: Mapping[str, str] | None = None, restart: Restart | None = None
) -> Part:
    """ClickHouse's engine behind its HTTP interface, on one port of the loopback interface."""
    return Part(
        name="clickhouse",
        argv=(sys.executable, "-m", "infra.embedded.clickhouse", "--path", str(folder), "--port", str(port)),
        ready=answers_http(f"http://{LOOPBACK}:{port}/ping"),
        env=dict(env or {}),
        grace_s=20.0,
        restart=restart or Restart(),
    )
