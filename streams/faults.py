"""Named points at which a worker can be made to fail, for the fault harness: `pulsewire bench chaos`.

Off, and free of cost, unless PULSEWIRE_FAULTS names a schedule when the process starts. Then:

1. The schedule is a JSON list of `Fault`. It is read again whenever it is replaced; each process counts hits from then.
2. A fault strikes once, in whichever process comes to it first, however often they are restarted: before it acts, a
   file of its id is made and synced in the folder `<schedule>.struck`.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from streams.errors import Unreachable

SCHEDULE: Final = "PULSEWIRE_FAULTS"  # the variable with the schedule's path
WORKER: Final = "PULSEWIRE_FAULTS_WORKER"  # the variable with this process's name in it

Point = Literal[
    "decode.before",  # a batch was taken
    "decode.after",  # it is decoded, and nothing is read
    "inference",  # in the thread that runs the model
    "revoked",  # in a rebalance: partitions were given up, none are assigned yet
    "rebalance",  # the first batch of another generation: state is about to be let go
    "restore",  # rows and watermark of a partition have come from the store, nobody holds them yet
    "counted",  # rows are counted in memory and nowhere else
    "events.insert",  # before the events are stored
    "windows.insert",  # events are stored, their windows are not
    "stored",  # both are stored, nothing is published
    "samples.insert",  # samples are picked, not stored
    "produce",  # before the first message goes out
    "produce.sent",  # messages are on their way, none is acknowledged to us
    "marked",  # what is taken in hand first, or under suspicion, is marked
    "acknowledge",  # all is stored and published; before the batch is acknowledged
    "acknowledge.half",  # its first event is acknowledged, the others are not
    "shutdown",  # told to end: before the last samples are picked
    "alerts.insert",  # an alert is due
    "alerts.publish",  # it is in the table, not on the topic
    "alerts.mark",  # it is in both, the table does not know
]
POINTS: Final[tuple[Point, ...]] = get_args(Point)
Action = Literal["kill", "stop", "raise", "sleep"]


class Fault(msgspec.Struct, frozen=True):
    """What is to happen once, the nth time that a worker comes to a point."""

    id: int
    point: Point
    action: Action
    nth: int = 1
    worker: str | None = None  # None: any
    sleep_s: float = 0.0


class Faults:
    """The faults of a schedule that may yet strike this process."""

    def __init__(self, schedule: Path, *, worker: str) -> None:
        self._schedule = schedule
        self._struck = struck_folder(schedule)
        self._struck.mkdir(parents=True, exist_ok=True)
        self._worker = worker
        self._read_of: tuple[int, int] | None = None
        self._waiting: dict[int, Fault] = {}
        self._hits: Counter[int] = Counter()
        self._lock = threading.Lock()  # the model runs in threads of its own

    def at(self, point: Point, /) -> None:
        """Fail here, if it is due.

        Raises:
            Unreachable: the schedule says so.
        """
        due = []
        with self._lock:
            self._refresh()
            for fault in [one for one in self._waiting.values() if one.point == point]:
                self._hits[fault.id] += 1
                if self._hits[fault.id] >= fault.nth:
                    del self._waiting[fault.id]
                    if self._claim(fault):
                        due.append(fault)
        for fault in due:
            _act(fault)

    def _refresh(self) -> None:
        try:
            found = self._schedule.stat()
        except FileNotFoundError:
            return
        version = (found.st_mtime_ns, found.st_ino)
        if version == self._read_of:
            return
        self._read_of = version
        faults = msgspec.json.decode(self._schedule.read_bytes(), type=list[Fault])
        self._waiting = {
            fault.id: fault
            for fault in faults
            if fault.worker in (None, self._worker) and not (self._struck / str(fault.id)).exists()
        }

    def _claim(self, fault: Fault) -> bool:
        """Whether it is ours to act out: once, for ever."""
        try:
            file = os.open(self._struck / str(fault.id), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        try:
            os.write(file, msgspec.json.encode({"worker": self._worker, "pid": os.getpid(), "at_s": time.time()}))
            os.fsync(file)
        finally:
            os.close(file)
        return True


def struck_folder(schedule: Path) -> Path:
    """Where the faults of a schedule that have struck are kept, one file each."""
    return schedule.with_name(f"{schedule.name}.struck")


def _act(fault: Fault) -> None:
    match fault.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "sleep":
            time.sleep(fault.sleep_s)
        case "raise":
            raise Unreachable(f"fault {fault.id} at {fault.point}")


def _off(_point: Point, /) -> None:
    """No schedule, no faults."""


def _chosen() -> Callable[[Point], None]:
    schedule = os.environ.get(SCHEDULE)
    return Faults(Path(schedule), worker=os.environ.get(WORKER, "")).at if schedule else _off


at: Final = _chosen()
