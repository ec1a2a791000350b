"""What a worker knows of its own progress, while the group moves partitions about."""

from types import SimpleNamespace

from faust.types import TP

from streams.adapters import metrics
from streams.agents.watchdog import Progress
from streams.app import Worker
from streams.settings import load_settings

KEPT, TAKEN = TP("news.raw", 0), TP("news.raw", 1)


class Consumer:
    """Loses a partition between telling what it has and where it is there."""

    def assignment(self):
        return {KEPT, TAKEN}

    def done(self, tp):
        return None if tp == TAKEN else 7


async def ends(ats):
    return dict.fromkeys(ats, 9)


def worker_in(generation, consumer):
    worker = Worker(load_settings())
    worker._app = SimpleNamespace(consumer=consumer, consumer_generation_id=generation)
    worker._carriers = [SimpleNamespace(patience=[worker._starting])]
    return worker


async def test_a_partition_that_is_taken_meanwhile_does_not_end_the_worker():
    assert await worker_in(3, Consumer())._progress(ends) == {tuple(KEPT): Progress(9, 7)}


async def test_who_stands_by_without_a_partition_is_ready():
    worker = worker_in(0, SimpleNamespace(assignment=set))
    await worker._progress(ends)
    assert worker._unready() == {"kafka": "not in the group yet"}
    worker._app.consumer_generation_id = 3
    await worker._progress(ends)
    assert worker._unready() == {}


def test_lag_is_told_of_the_partitions_that_are_here_and_no_others():
    """Whoever takes a partition over tells its lag: a last word of ours would stand beside it for ever."""
    worker = worker_in(3, Consumer())
    worker._judge({tuple(KEPT): Progress(9, 7), tuple(TAKEN): Progress(900, 0)})
    worker._judge({tuple(KEPT): Progress(9, 8)})
    told = [(sample.labels, sample.value) for metric in metrics.LAG.collect() for sample in metric.samples]
    assert told == [({"topic": "news.raw", "partition": "0"}, 1.0)]
