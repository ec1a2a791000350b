"""Workers on the real broker and store, a seeded plan of faults that strikes them, and the outcome held to a ledger."""

import asyncio
import contextlib
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import clickhouse_connect
import psutil

from infra.embedded.stack import Stack
from infra.init import initialise
from streams.faults import Fault
from streams.settings import load_settings
from tests.chaos.audit import audit, read_log, truth_of
from tests.chaos.cluster import SESSION_S, WINDOWS, Cluster, resume
from tests.chaos.disks import Disks
from tests.chaos.history import Struck, history
from tests.chaos.kinds import FAMILY, Strike
from tests.chaos.ledger import TOPICS, Diverged, Ledger, produce, send_deadly
from tests.chaos.proxy import Proxy

START_MS = 1_750_000_000_000
REACHED_WITHIN_S = 45.0
TRIES = 2  # a point that was not reached may be later
AWAY_S = 15.0
LEFT_BYTES = 4 << 20
RECOVERED_WITHIN_S = 300.0


@dataclass(frozen=True)
class Run:
    """What to do."""

    plan: list[Strike]
    seed: int
    workers: int = 3
    per_s: int = 150
    fake: bool = False
    without: str = ""
    settle: bool = True  # let each fault be recovered from before the next
    minutes: float = 0.0  # after which no further fault strikes; 0: all of them


@dataclass
class Outcome:
    """What came of it."""

    recovery_s: dict[str, list[float]] = field(default_factory=dict)
    struck: list[Struck] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)  # those that were to strike after `minutes`
    skipped: dict[str, str] = field(default_factory=dict)  # those that cannot strike here, and why
    counted: dict[str, int] = field(default_factory=dict)
    unplanned: int = 0  # deaths of workers that nobody ordered
    ended_s: list[float] = field(default_factory=list)  # what each worker took to end when told
    took_s: float = 0.0


async def run(wanted: Run, folder: Path, *, say=print) -> Outcome:
    """Everything from an empty folder to the verdict. Raises Diverged, with the history of what differs first."""
    began, outcome, ledger = time.monotonic(), Outcome(), Ledger()
    async with AsyncExitStack() as opened:
        disks = Disks(folder / "stack", wanted=any("disk" in strike.kind for strike in wanted.plan))
        opened.enter_context(disks)
        stack = await opened.enter_async_context(Stack(folder / "stack", say=lambda _: None))
        await initialise(load_settings(kafka=stack.addresses.kafka, clickhouse=stack.addresses.clickhouse))
        port = int(stack.addresses.clickhouse.rpartition(":")[2])
        proxy = await opened.enter_async_context(Proxy(port))
        cluster = Cluster(
            stack, folder, ledger=ledger, proxy=proxy, disks=disks, fake=wanted.fake, without=wanted.without
        )
        await asyncio.gather(*(cluster.add() for _ in range(wanted.workers)))
        until = asyncio.Event()
        sending = asyncio.create_task(
            produce(
                stack.addresses.kafka, count=10**7, seed=wanted.seed, start_ms=START_MS, per_s=wanted.per_s,
                ledger=ledger, poison_every=100, until=until,
            )
        )  # fmt: skip
        try:
            # Who is struck before anything was committed reads it all again, and needs no protection
            await cluster.until_acknowledged(dict.fromkeys(cluster.raw, 10), within_s=RECOVERED_WITHIN_S)
            await _strike_all(wanted, cluster, outcome, began=began, say=say)
        finally:
            until.set()
        await sending
        await _hold(ledger, cluster, outcome, say=say)
    outcome.took_s = time.monotonic() - began
    return outcome


async def _hold(ledger, cluster, outcome, *, say):
    """Wait until all is acknowledged, end the workers, compare."""
    await cluster.up()
    try:
        await cluster.until_acknowledged(await cluster.ends(), within_s=RECOVERED_WITHIN_S)
        await cluster.until_acknowledged(await cluster.ends(WINDOWS), within_s=RECOVERED_WITHIN_S)
    except TimeoutError as error:
        raise Diverged(f"lost or stuck: {error}", what="acknowledged") from error
    outcome.unplanned = cluster.unplanned()
    say(f"workers that died though nobody killed them: {outcome.unplanned}")
    await asyncio.gather(*map(cluster.remove, list(cluster.names)))
    outcome.ended_s = cluster.ended_s
    log = await read_log(cluster.stack.addresses.kafka)
    host, port = cluster.stack.addresses.clickhouse.removeprefix("http://").split(":")
    client = clickhouse_connect.get_client(host=host, port=int(port), username="pulsewire", database="pulsewire")

    def query(sql):
        return client.query(sql).result_rows

    try:
        outcome.counted = audit(ledger, log, query)
    except Diverged as diverged:
        told = [str(diverged), *history(diverged, truth_of(log)[0], log, query, struck=outcome.struck)]
        raise Diverged("\n".join(told), what=diverged.what, at=diverged.at) from None
    finally:
        client.close()
    say(f"exact: {outcome.counted}")


async def _strike_all(wanted, cluster, outcome, *, began, say):
    """Each fault of the plan, and once more each that was not reached."""
    outcome.skipped = {strike.kind: why for strike in wanted.plan if (why := _prevented(strike, cluster))}
    waiting = [strike for strike in wanted.plan if strike.kind not in outcome.skipped]
    late = []
    for tries in range(TRIES):
        missed = []
        for strike in waiting:
            if wanted.minutes and time.monotonic() - began > wanted.minutes * 60:
                (missed if tries else late).append(strike)
            elif not await _strike(strike, cluster, outcome, settle=wanted.settle, say=say):
                missed.append(strike)
        waiting = missed
    outcome.late = [strike.kind for strike in late]
    outcome.not_reached = [strike.kind for strike in waiting]


def _prevented(strike, cluster):
    """Why it cannot strike here, if it cannot."""
    if "disk" in strike.kind and not cluster.disks.there:
        return "a small disk has to be mounted, which takes root on Linux"
    if FAMILY[strike.kind] == "a bundle torn or missing" and cluster.bundle is None:
        return "without a model there is no file of it"
    return ""


async def _strike(strike, cluster, outcome, *, settle, say):
    """Whether it struck."""
    await asyncio.sleep(strike.wait_s)
    ends = await cluster.ends()
    began = time.monotonic()
    reached = await (_at_a_point(strike, cluster) if strike.point else _OUTSIDE[strike.kind](strike, cluster))
    if reached is None:
        say(f"{strike.number}. {strike.kind}: not reached")
        return False
    began, ends = reached if isinstance(reached, tuple) else (began, ends)
    if settle:
        try:
            await cluster.until_acknowledged(ends, within_s=RECOVERED_WITHIN_S)
        except TimeoutError as error:
            raise Diverged(f"after fault {strike.number}, {strike.kind}: {error}", what="acknowledged") from error
        await cluster.up()
    took_s, now_ms = time.monotonic() - began, time.time_ns() // 1_000_000
    outcome.recovery_s.setdefault(strike.kind, []).append(took_s)
    outcome.struck.append(Struck(strike.number, strike.kind, now_ms - round(took_s * 1_000), now_ms))
    say(f"{strike.number}. {strike.kind}: {took_s:.1f} s")
    return True


async def _at_a_point(strike, cluster):
    """Arm it, bring it about where it does not come by itself, and see it strike; (when, the ends then), or None."""
    action, point = strike.point
    nth = strike.nth if point not in _BROUGHT_ABOUT and not point.startswith(("alerts", "samples")) else 1
    who = _victim(strike, cluster) if point in _BROUGHT_ABOUT else None
    fault = Fault(strike.number, point, action, nth=nth, worker=who, sleep_s=SESSION_S + strike.away_s)
    cluster.arm(fault)
    bringing = asyncio.create_task(_BROUGHT_ABOUT[point](strike, cluster)) if point in _BROUGHT_ABOUT else None
    claim = await cluster.struck(fault, within_s=REACHED_WITHIN_S)
    when = time.monotonic()
    cluster.disarm(fault)
    if claim:
        cluster.killed += action == "kill" and point != "shutdown"  # a part that was removed is not started again
    ends = await cluster.ends() if claim else None
    if claim and action == "stop":
        await asyncio.sleep(SESSION_S + strike.away_s)
        resume(claim["pid"])
    if bringing:
        await bringing
    return (when, ends) if claim else None


def _victim(strike, cluster):
    return cluster.names[int(strike.victim * len(cluster.names))]


async def _kill(strike, cluster):
    await cluster.kill(_victim(strike, cluster))
    return True


async def _kill_two(strike, cluster):
    for name in cluster.names[:2]:
        await cluster.kill(name)
    return True


async def _stop(strike, cluster):
    name = _victim(strike, cluster)
    await cluster.kill(name, signal.SIGSTOP)
    await asyncio.sleep(SESSION_S + strike.away_s)
    await cluster.kill(name, signal.SIGCONT)
    return True


async def _kill_store(strike, cluster):
    await cluster.kill("clickhouse")
    await asyncio.sleep(0.2)
    await cluster.stack.supervisor.until_ready("clickhouse")
    return True


async def _kill_store_in_an_insert(strike, cluster):
    """It has all of the rows, and is at them."""
    cluster.proxy.inserting.clear()
    try:
        async with asyncio.timeout(REACHED_WITHIN_S):
            await cluster.proxy.inserting.wait()
    except TimeoutError:
        return None
    await asyncio.sleep(strike.away_s / 250)
    return await _kill_store(strike, cluster)


async def _kill_broker(strike, cluster):
    await cluster.kill("kafka")
    await asyncio.sleep(0.2)
    await cluster.stack.supervisor.until_ready("kafka")
    return True


async def _kill_store_and_worker(strike, cluster):
    """What the worker holds when the store goes is not stored; it dies while it waits."""
    await cluster.kill("clickhouse", signal.SIGSTOP)
    await asyncio.sleep(strike.away_s)
    await cluster.kill(_victim(strike, cluster))
    await _kill_store(strike, cluster)
    return True


async def _leave(strike, cluster):
    await cluster.remove(_victim(strike, cluster))
    await cluster.add()
    return True


async def _join(strike, cluster):
    name = await cluster.add()
    await asyncio.sleep(strike.away_s)
    await cluster.remove(name)
    return True


async def _rewind_all(_, cluster):
    await cluster.rewind([*cluster.raw, *WINDOWS])


async def _rewind_one(strike, cluster):
    ats = [*cluster.raw, *WINDOWS]
    await cluster.rewind([ats[strike.number % len(ats)]])


async def _forget(_, cluster):
    await cluster.forget()


def _read_again(lose):
    async def lost(strike, cluster):
        """Nobody may be in the group meanwhile."""
        workers = len(cluster.names)
        await asyncio.gather(*map(cluster.remove, list(cluster.names)))
        await asyncio.sleep(1)
        await lose(strike, cluster)
        await asyncio.gather(*(cluster.add() for _ in range(workers)))
        return True

    return lost


async def _deadly(strike, cluster):
    servers, began = cluster.stack.addresses.kafka, time.monotonic()
    await send_deadly(servers, number=strike.number, time_ms=START_MS, ledger=cluster.ledger)
    return began, await cluster.ends()


def _badly(mode):
    async def between(strike, cluster):
        """The store is spoken to through a proxy that is bad at it for a while."""
        before, deadline = cluster.proxy.spoilt, time.monotonic() + REACHED_WITHIN_S
        cluster.proxy.mode = mode
        try:
            while cluster.proxy.spoilt == before and time.monotonic() < deadline:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
            began, ends = time.monotonic(), await cluster.ends()
            await asyncio.sleep(2 + strike.away_s)
        finally:
            cluster.proxy.mode = "through"
        return (began, ends) if cluster.proxy.spoilt > before else None

    return between


async def _partition(strike, cluster):
    """Its new partition is read like the others; what was in their windows stays there."""
    await cluster.add_partition(list(TOPICS.values())[strike.number % len(TOPICS)])
    await asyncio.sleep(2)
    return time.monotonic(), await cluster.ends()


def _full(name):
    async def full(strike, cluster):
        cluster.disks.fill(name)
        await asyncio.sleep(3 + strike.away_s)
        cluster.disks.free(name)
        await cluster.stack.supervisor.until_ready(name)
        return True

    return full


async def _squeeze(strike, cluster):
    """A worker gets no more memory for a while. If it ends for that, nobody wonders."""
    name = _victim(strike, cluster)
    with cluster.forgiven(name), contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(cluster.stack.supervisor.pids()[name])
        process.rlimit(psutil.RLIMIT_AS, (process.memory_info().vms + LEFT_BYTES, psutil.RLIM_INFINITY))
        await asyncio.sleep(2 + strike.away_s)
        process.rlimit(psutil.RLIMIT_AS, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    await cluster.stack.supervisor.until_ready(name)
    return True


def _torn(share, file="model.onnx"):
    async def torn(strike, cluster):
        """A worker that starts finds this share of a bundle's file, and goes on once the whole of it is there."""
        name, part = _victim(strike, cluster), cluster.bundle / file
        whole = part.rename(part.with_suffix(".whole"))
        with cluster.forgiven(name):
            if share:
                part.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
            cluster.stack.supervisor.kill(name, signal.SIGKILL)
            await asyncio.sleep(4 + strike.away_s)
            whole.replace(part)
            await cluster.stack.supervisor.until_ready(name, within_s=120)
        return True

    return torn


def _away(name, seconds=AWAY_S):
    async def away(strike, cluster):
        await cluster.away(name, seconds + strike.away_s)
        return True

    return away


def _clock(ahead_s):
    async def moved(strike, cluster):
        cluster.set_clock(ahead_s)
        await asyncio.sleep(2 + strike.away_s)
        ends = await cluster.ends()
        cluster.set_clock(0)
        return time.monotonic(), ends

    return moved


_OUTSIDE = {
    "kill a worker": _kill,
    "kill two workers": _kill_two,
    "stop a worker": _stop,
    "kill the store": _kill_store,
    "kill the store in an insert": _kill_store_in_an_insert,
    "kill the broker": _kill_broker,
    "kill the store and a worker": _kill_store_and_worker,
    "a worker leaves and comes": _leave,
    "a worker more for a while": _join,
    "offsets back to the earliest": _read_again(_rewind_all),
    "one offset back to the earliest": _read_again(_rewind_one),
    "the group forgotten": _read_again(_forget),
    "an event that kills": _deadly,
    "a slow store": _badly("slow"),
    "a store that cuts connections": _badly("cut"),
    "a store that cuts answers off": _badly("torn"),
    "a store that answers 500": _badly("500"),
    "a store whose answers are lost": _badly("lost"),
    "the store away for a while": _away("clickhouse"),
    "the broker away for a minute": _away("kafka", 60.0),
    "no memory left for a while": _squeeze,
    "a model file cut off": _torn(0.5),
    "a model file missing": _torn(0),
    "a manifest cut off": _torn(0.5, "manifest.json"),
    "a tokenizer cut off": _torn(0.5, "tokenizer.json"),
    "the store's disk full": _full("clickhouse"),
    "the broker's disk full": _full("kafka"),
    "a topic gets a partition more": _partition,
    "the clock an hour on": _clock(3_600),
    "the clock an hour back": _clock(-3_600),
}
_BROUGHT_ABOUT = {"revoked": _join, "rebalance": _join, "restore": _join, "marked": _join, "shutdown": _leave}
