"""A run's curves: a line of JSON each in log.jsonl, and the same figures for TensorBoard.

The event file is made of the log, so that a run that goes on after a kill has one curve and not two.
"""

import time
from pathlib import Path
from typing import Any

import msgspec
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from models.training import run_folder

LOG = "log.jsonl"
EVENTS = "events.out.tfevents.pulsewire"  # TensorBoard goes by the middle of the name


class Curves:
    """The two files of a run, from the step on that it starts or goes on with."""

    def __init__(self, folder: Path, *, from_step: int) -> None:
        self._log, self._events = folder / LOG, folder / EVENTS
        kept = [line for line in self._lines() if from_step and line["step"] <= from_step]
        started = Event(wall_time=time.time(), file_version="brain.Event:2")
        with run_folder.writing(self._events):
            self._log.unlink(missing_ok=True)
            self._events.unlink(missing_ok=True)
            with self._events.open("ab") as events:
                RecordWriter(events).write(started.SerializeToString())
        for line in kept:
            self.add(**line)

    def add(self, *, step: int, **figures: Any) -> None:
        """One line; a figure is a number, or a table of numbers by head."""
        line = {"step": step} | figures
        flat: dict[str, float] = {}
        for name, value in figures.items():
            inner = {f"{name}/{head}": one for head, one in value.items()} if isinstance(value, dict) else {name: value}
            flat |= inner
        values = [Summary.Value(tag=name, simple_value=value) for name, value in flat.items()]
        event = Event(step=step, wall_time=time.time(), summary=Summary(value=values))
        with (
            run_folder.writing(self._log, then="go on with --resume"),
            self._log.open("ab") as log,
            self._events.open("ab") as events,
        ):
            log.write(msgspec.json.encode(line) + b"\n")
            RecordWriter(events).write(event.SerializeToString())

    def _lines(self) -> list[dict[str, Any]]:
        """The log's whole lines; the last may have been cut off by a kill."""
        found = []
        for line in self._log.read_bytes().splitlines() if self._log.exists() else ():
            try:
                found.append(msgspec.json.decode(line, type=dict[str, Any]))
            except msgspec.DecodeError:
                break
        return found
