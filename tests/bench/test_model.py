"""What the model of many workers says, worked out by hand."""

from tests.bench import _model
from tests.bench.growth import tenfolds

COST = _model.Cost(worker_s=1e-4, broker_s=2e-5, store_s=1e-5, broker_bytes=500, inserts=1 / 2_000)


def test_what_ten_workers_need():
    need = _model.need(10, COST)
    assert (need.events_per_s, need.partitions, need.inserts_per_s) == (100_000, 10, 50)
    assert need.brokers == 2  # 50 MB/s in three copies; of cores it needs half of one
    assert need.shards == 1
    assert need.ticks_per_s == 5


def test_what_gives_first():
    assert _model.need(1, COST).gives() == "nothing"
    assert _model.need(10, COST).gives() == "one broker"
    cheap = _model.Cost(worker_s=1e-4, broker_s=0, store_s=0, broker_bytes=0, inserts=1e-9)
    assert _model.need(1_000, cheap).gives() == "ticks, which grow with the square of partitions"
    slow = _model.Cost(worker_s=1, broker_s=0, store_s=1, broker_bytes=0, inserts=1)
    assert _model.need(100, slow).gives() == "one store"
    assert [row["workers"] for row in _model.rows(COST)] == ["10", "100", "1,000"]


def test_tenfolds():
    assert tenfolds(10_000, 1_000_000) == [10_000, 100_000, 1_000_000]
    assert tenfolds(10_000, 300_000) == [10_000, 100_000, 300_000]
    assert tenfolds(10_000, 10_000) == [10_000]
