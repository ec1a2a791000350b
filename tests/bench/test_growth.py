"""What growth says that it did not run."""

from tests.bench.growth import COLUMNS, left_out, tenfolds


def test_each_tenfold_up_to_the_last():
    assert tenfolds(10, 1_000) == [10, 100, 1_000]
    assert tenfolds(10, 250) == [10, 100, 250]


def test_great_sizes_are_told_where_they_were_not_run():
    rows = left_out(1_000_000, [1_000, 100_000])
    assert [row[COLUMNS[0]] for row in rows] == ["10,000,000 events of 50 series", "1,000,000 series"]
    assert "--events 10000000" in rows[0][COLUMNS[1]]
    assert all(set(row) == set(COLUMNS) for row in rows)
    assert left_out(10_000_000, [1_000_000]) == []
