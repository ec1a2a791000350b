from streams.agents.watchdog import Progress, Watchdog

AT = ("news.raw", 0)


def watch(dog, now_s, *, end=12, fetched=5, acknowledged=5, busy=False, waiting=False):
    progress = {AT: Progress(end, fetched, acknowledged)}
    return dog.stalled(now_s=now_s, progress=progress, busy=busy, waiting=waiting)


def test_records_that_nobody_fetches_are_a_stall():
    dog = Watchdog(patience_s=10)
    assert not watch(dog, 0)
    assert not watch(dog, 10)
    assert watch(dog, 10.1)


def test_a_batch_that_never_ends_is_a_stall():
    dog = Watchdog(patience_s=10)
    assert not watch(dog, 0, fetched=12, busy=True)
    assert watch(dog, 10.1, fetched=12, busy=True)


def test_progress_nothing_to_do_or_a_wait_is_none():
    for kwargs in ({"fetched": 6}, {"acknowledged": 6}, {"end": 5}, {"waiting": True}):
        dog = Watchdog(patience_s=10)
        watch(dog, 0)
        assert not watch(dog, 11, **kwargs)
        assert not watch(dog, 20), "patience starts anew"


def test_a_transactions_marker_at_the_end_is_no_lag():
    assert Progress(end=6, fetched=6, acknowledged=5).lag(busy=False) == 0
    assert Progress(end=6, fetched=6, acknowledged=4).lag(busy=True) == 2
